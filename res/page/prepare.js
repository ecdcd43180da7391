// Makes visible on paper what a screen shows only to those who scroll or wait; runs in the page's own world, in each
// frame, once it has settled. Result: how many things were changed; 0 when there is nothing (more) to do.
(() => {
  "use strict";
  const KEY = Symbol.for("archiveworker.prepared");
  const MAX_FRAME_PX = 30000;
  const done = (window[KEY] ??= new WeakSet());
  let changes = 0;

  const set = (element, values) => {
    for (const [name, value] of Object.entries(values)) {
      element.style.setProperty(name, value, "important");
    }
    changes += 1;
  };
  const once = (element) => {
    if (done.has(element)) {
      return false;
    }
    done.add(element);
    return true;
  };
  const isCut = (element) => element.clientHeight > 0 && element.scrollHeight > element.clientHeight + 1;
  const grow = (element) => set(element, { height: "auto", "max-height": "none" });

  // Ace keeps only the lines in its window in the document, at fixed places that no page break respects. A list of all
  // lines, with the colours of its theme, takes the editor's place.
  const line = (session, row, numbered) => {
    const one = document.createElement("div");
    one.style.display = "flex";
    if (numbered) {
      const number = document.createElement("span");
      number.style.cssText = "flex: none; width: 3.5em; padding-right: 1em; text-align: right; opacity: 0.6;";
      number.textContent = row + (session.$firstLineNumber || 1);
      one.append(number);
    }
    const code = document.createElement("span");
    code.style.cssText = "flex: 1; min-width: 0; white-space: pre-wrap; overflow-wrap: anywhere;";
    for (const { type, value } of session.getTokens(row)) {
      const token = document.createElement("span");
      token.className = String(type)
        .split(".")
        .map((part) => `ace_${part}`)
        .join(" ");
      token.textContent = value;
      code.append(token);
    }
    if (!code.textContent) {
      code.textContent = "\u200b"; // an empty line has its height
    }
    one.append(code);
    return one;
  };
  const unrollAce = (element, editor) => {
    const session = editor.session;
    const look = getComputedStyle(element);
    const list = document.createElement("div");
    const theme = [...element.classList].filter((name) => /^ace[-_]/.test(name) && name !== "ace_editor");
    list.className = theme.join(" ");
    for (const name of ["font-family", "font-size", "line-height", "color", "background-color", "border", "margin"]) {
      list.style.setProperty(name, look.getPropertyValue(name));
    }
    list.style.tabSize = session.getTabSize();
    const numbered = editor.renderer.getShowGutter();
    for (let row = 0; row < session.getLength(); row += 1) {
      list.append(line(session, row, numbered));
    }
    element.replaceWith(list);
    changes += 1;
    let around = list.parentElement;
    for (let depth = 0; around && around !== document.body && depth < 6; depth += 1) {
      if (isCut(around) && getComputedStyle(around).overflowY !== "visible") {
        grow(around);
      }
      around = around.parentElement;
    }
  };
  for (const element of [...document.getElementsByClassName("ace_editor")]) {
    const editor = element.env?.editor;
    if (editor?.session && element.getClientRects().length && once(element)) {
      unrollAce(element, editor);
    }
  }

  // Areas with a scroll bar, text fields and frames of our own origin get the height of what is in them.
  for (const element of document.body?.getElementsByTagName("*") ?? []) {
    if (element.tagName === "IFRAME") {
      let inner = null;
      try {
        inner = element.contentDocument?.documentElement;
      } catch {
        // of another origin: it keeps the height that its author gave it
      }
      if (inner && element.clientHeight > 0 && inner.scrollHeight > element.clientHeight && once(element)) {
        const border = element.offsetHeight - element.clientHeight;
        set(element, { height: `${Math.min(MAX_FRAME_PX, inner.scrollHeight + border)}px`, "max-height": "none" });
      }
    } else if (isCut(element) && /^(auto|scroll)$/.test(getComputedStyle(element).overflowY) && once(element)) {
      if (element.tagName === "TEXTAREA") {
        const border = element.offsetHeight - element.clientHeight;
        set(element, { height: `${element.scrollHeight + border}px`, "max-height": "none" });
      } else {
        grow(element);
      }
    }
  }

  // What fades or slides in is printed where it ends; what turns for ever stays as it is.
  for (const animation of document.getAnimations()) {
    const timing = animation.effect?.getComputedTiming();
    if (animation.playState === "running" && Number.isFinite(timing?.endTime)) {
      animation.finish();
      changes += 1;
    }
  }
  return changes;
})
