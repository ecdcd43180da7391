// Serialises the rendered page without any script, from a world that the page cannot reach; an embedded page from its own
// world, and what comes from there is only ever shown in a frame without any right. Nothing is loaded here: what has to be
// inlined is named by placeholders `nonce + number + ";"` that the worker fills. Arguments: {nonce, mark, known}: the
// attribute by which the worker knows a frame, and the SHA-256 digests of large data URIs that it has itself.
// Result: {html, urls: [kind and address of each placeholder], base, loaded: [addresses that the page loaded], skipped:
// {what was left out: how often}}.
(async (given) => {
  "use strict";
  const { nonce, mark, known } = given;
  const urls = [];
  const skipped = {};
  const skip = (what) => {
    skipped[what] = (skipped[what] || 0) + 1;
  };
  const placeholder = (kind, url) => {
    urls.push([kind, url]);
    return `${nonce}${urls.length - 1};`;
  };
  const absolute = (url, base) => {
    try {
      return new URL(url, base || document.baseURI).href;
    } catch {
      return "";
    }
  };
  const blobs = new Map();
  const dataOfBlob = async (url) => {
    try {
      const blob = await (await fetch(url)).blob();
      return await new Promise((resolve, reject) => {
        const reader = new FileReader();
        reader.onload = () => resolve(reader.result);
        reader.onerror = reject;
        reader.readAsDataURL(blob);
      });
    } catch {
      return "data:,";
    }
  };
  // A photograph need not travel through the browser to a worker that has it; digests exist on https pages alone.
  const digest = async (text) => {
    const bytes = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text)));
    return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  };
  const digests = new Set(known);
  const inlined = new Map();
  for (const image of document.images) {
    const source = image.currentSrc || image.src;
    if (source.startsWith("blob:")) {
      blobs.set(source, await dataOfBlob(source));
    } else if (digests.size && isSecureContext && source.startsWith("data:") && source.length >= 2000) {
      const name = await digest(source);
      if (digests.has(name)) {
        inlined.set(source, name);
      }
    }
  }

  const rulesText = (sheet) => [...sheet.cssRules].map((rule) => rule.cssText).join("\n");
  const sheetText = (element) => {
    // A sheet that scripts filled has rules that its text does not show.
    try {
      const check = new CSSStyleSheet();
      check.replaceSync(element.textContent);
      if (check.cssRules.length >= element.sheet.cssRules.length || element.textContent.includes("@import")) {
        return element.textContent;
      }
      return rulesText(element.sheet);
    } catch {
      return element.textContent;
    }
  };
  // A style element ends where its end tag stands, even inside a CSS string; inside SVG and MathML every tag begins.
  const style = (text, media, original) => {
    const element = inert.createElement("style");
    if (media && media !== "all") {
      element.setAttribute("media", media);
    }
    element.textContent = text.replace(original?.closest("svg, math") ? /</g : /<(?=[/!])/g, "\\3c ");
    return element;
  };
  // Copies belong to a document that is not shown: one that is would load their images and wake their components.
  const inert = document.implementation.createHTMLDocument("");
  const DROPPED = new Set(["SCRIPT", "NOSCRIPT", "TEMPLATE", "BASE", "EMBED", "APPLET", "SOURCE", "TRACK", "PORTAL", "FRAME", "NOEMBED", "NOFRAMES"]);
  const URL_ATTRIBUTES = ["src", "href", "xlink:href", "action", "formaction", "background", "poster", "data", "ping", "srcset", "sizes"];

  const KEPT = ["class", "style", "id", "alt", "title", "width", "height"];
  const instead = (tag, original) => {
    const element = inert.createElement(tag);
    for (const name of KEPT) {
      if (original.hasAttribute(name)) {
        element.setAttribute(name, original.getAttribute(name));
      }
    }
    return element;
  };
  const plain = (element) => {
    const copy = instead("pre", element);
    copy.textContent = element.textContent;
    return copy;
  };
  // Rules for "canvas" or "video" do not fit an image: it gets their outcome.
  const BOX = "display width height box-sizing margin padding border background-color float position inset z-index".split(" ");
  BOX.push("vertical-align", "object-fit", "object-position", "transform", "opacity", "max-width", "max-height");
  const picture = (source, original) => {
    const image = instead("img", original);
    const look = getComputedStyle(original);
    for (const name of BOX) {
      image.style.setProperty(name, look.getPropertyValue(name));
    }
    image.setAttribute("src", source);
    return image;
  };
  const firstFrame = (video) => {
    const canvas = document.createElement("canvas");
    canvas.width = video.videoWidth;
    canvas.height = video.videoHeight;
    canvas.getContext("2d").drawImage(video, 0, 0);
    return picture(canvas.toDataURL("image/png"), video);
  };

  const special = {
    LINK: (element) => {
      if (!element.sheet || element.disabled || element.closest("svg, math")) {
        return null;
      }
      return style(placeholder("css", element.href), element.media);
    },
    STYLE: (element) => (element.sheet && !element.disabled ? style(sheetText(element), element.media, element) : null),
    META: (element) => (element.hasAttribute("http-equiv") || element.hasAttribute("charset") ? null : inert.importNode(element, false)),
    CANVAS: (element) => {
      try {
        return picture(element.toDataURL("image/png"), element);
      } catch {
        skip("canvas with foreign content");
        return null;
      }
    },
    VIDEO: (element) => {
      skip("video");
      if (element.poster) {
        return picture(placeholder("file", element.poster), element);
      }
      try {
        return element.readyState >= 2 ? firstFrame(element) : instead("div", element);
      } catch {
        return instead("div", element); // of another origin
      }
    },
    AUDIO: () => {
      skip("audio");
      return null;
    },
    IFRAME: (element) => {
      const known = element.getAttribute(mark);
      if (known !== null) {
        const frame = instead("iframe", element);
        for (const name of ["frameborder", "scrolling"]) {
          if (element.hasAttribute(name)) {
            frame.setAttribute(name, element.getAttribute(name));
          }
        }
        frame.setAttribute("sandbox", "");
        frame.setAttribute("srcdoc", placeholder("frame", known));
        return frame;
      }
      skip("embedded frame");
      const note = inert.createElement("p");
      const address = element.src && element.src.startsWith("http") ? element.src : "";
      note.textContent = `[embedded page${address ? ": " + address : ""}]`;
      return note;
    },
    // Their text would be taken for tags.
    XMP: (element) => plain(element),
    PLAINTEXT: (element) => plain(element),
    OBJECT: (element) => {
      if (/^image\//.test(element.type) && element.data) {
        return picture(placeholder("file", element.data), element);
      }
      skip("object");
      return null;
    },
  };

  const attributes = (element, copy) => {
    for (const { name, value } of [...element.attributes]) {
      const lower = name.toLowerCase();
      if (lower.startsWith("on") || lower === "nonce" || lower === "integrity" || lower === "srcdoc") {
        copy.removeAttribute(name);
      } else if (URL_ATTRIBUTES.includes(lower)) {
        copy.removeAttribute(name);
        const kept = address(element, lower, value);
        if (kept !== null) {
          copy.setAttribute(name, kept);
        }
      }
    }
  };
  const address = (element, name, value) => {
    const tag = element.tagName.toUpperCase();
    if (tag === "IMG" || (tag === "INPUT" && element.type === "image")) {
      if (name !== "src") {
        return null;
      }
      const source = element.currentSrc || element.src;
      if (inlined.has(source)) {
        return placeholder("data", inlined.get(source));
      }
      return source.startsWith("data:") ? source : (blobs.get(source) ?? placeholder("file", source));
    }
    if (tag === "IMAGE" && value.startsWith("data:image/")) {
      return value;
    }
    if (tag === "IMAGE") {
      return placeholder("file", absolute(value));
    }
    if (tag === "A" || tag === "AREA") {
      const target = value.startsWith("#") ? value : absolute(value);
      return name !== "ping" && /^(#|https?:|mailto:|tel:)/i.test(target) ? target : null;
    }
    if (name === "background") {
      return placeholder("file", absolute(value));
    }
    return value.startsWith("#") ? value : null;
  };

  const formState = (element, copy) => {
    const tag = element.tagName;
    if (tag === "INPUT") {
      if (element.type === "checkbox" || element.type === "radio") {
        copy.toggleAttribute("checked", element.checked);
      } else if (element.type === "password" || element.type === "file") {
        copy.removeAttribute("value");
      } else if (element.type !== "image") {
        copy.setAttribute("value", element.value);
      }
      copy.toggleAttribute("autofocus", false);
    } else if (tag === "TEXTAREA") {
      copy.textContent = element.value;
    } else if (tag === "OPTION") {
      copy.toggleAttribute("selected", element.selected);
    } else if (tag === "DIALOG" || tag === "DETAILS") {
      copy.toggleAttribute("open", element.open);
    }
  };

  // SVG can animate where a link leads to.
  const changesAddress = (node) => /href/i.test(node.getAttribute("attributeName") || "");

  const appendFrozen = (target, nodes) => {
    for (const node of nodes) {
      const result = frozen(node);
      if (result) {
        target.append(result);
      }
    }
  };

  // What a web component draws stays apart from the page's styles, as it was: HTML can say so without a script.
  const shadow = (root) => {
    const template = inert.createElement("template");
    template.setAttribute("shadowrootmode", "open");
    for (const sheet of root.adoptedStyleSheets) {
      template.content.append(style(rulesText(sheet), ""));
    }
    appendFrozen(template.content, root.childNodes);
    return template;
  };

  const frozen = (node) => {
    if (node.nodeType === Node.TEXT_NODE) {
      return inert.importNode(node, false);
    }
    if (node.nodeType !== Node.ELEMENT_NODE || DROPPED.has(node.tagName.toUpperCase()) || changesAddress(node)) {
      return null;
    }
    if (Object.hasOwn(special, node.tagName)) {
      return special[node.tagName](node);
    }
    const copy = inert.importNode(node, false);
    attributes(node, copy);
    formState(node, copy);
    if (node.shadowRoot) {
      copy.append(shadow(node.shadowRoot));
    }
    if (node.tagName !== "TEXTAREA") {
      appendFrozen(copy, node.childNodes);
    }
    return copy;
  };

  const root = frozen(document.documentElement);
  const head = root.querySelector("head") || root.insertBefore(inert.createElement("head"), root.firstChild);
  for (const sheet of document.adoptedStyleSheets) {
    head.append(style(rulesText(sheet), ""));
  }
  const policy = inert.createElement("meta");
  policy.setAttribute("http-equiv", "Content-Security-Policy");
  policy.setAttribute(
    "content",
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; font-src data:; form-action 'none'; base-uri 'none'",
  );
  const charset = inert.createElement("meta");
  charset.setAttribute("charset", "utf-8");
  head.prepend(charset, policy);
  const type = document.compatMode === "CSS1Compat" ? "<!DOCTYPE html>\n" : "";
  return {
    html: type + root.outerHTML + "\n",
    urls,
    base: document.baseURI,
    loaded: performance.getEntriesByType("resource").map((entry) => entry.name),
    skipped,
  };
})
