// Runs in the page's own world (it has to see Moodle's and MathJax's objects), in each frame of the page, and ends when
// that frame is ready, or when nothing at all has happened for stuckMs although something is still waited for.
// Arguments: {quietMs, stuckMs, frameCount} and the function of prepare.js, which is called as soon as the frame has settled.
// Result: {ready, waiting: [reasons], lost}. The reasons are kept where `waiting.js` finds them if the time limit strikes.
//
// A probe is a function that returns null when its technology has settled, or a reason why not. One technology each.
// A reason that will never go away, because a script that it needs could not be had, is marked by `lost`: when nothing
// else is waited for, stuckMs are not spent on it.
((limits, prepare) => {
  "use strict";
  const { quietMs, stuckMs, frameCount } = limits;
  const KEY = Symbol.for("archiveworker.ready");
  const TICK_MS = 15;
  const MAX_ROUNDS = 3;
  const CANVAS_STILL_MS = 150;
  const LOST_MS = 300; // what still works next to a lost script may rest for a moment: MathJax 2 does for 100 ms
  const heard = window[Symbol.for("archiveworker.failed")] ?? [];
  const state = (window[KEY] ??= {
    waiting: [],
    posters: new WeakMap(),
    canvases: new WeakMap(),
    mathjax2: null,
    mathjax3: null,
    lazyMath: null,
  });
  state.prepare = prepare;

  const counted = (elements, isOpen, what) => {
    const open = [...elements].filter(isOpen).length;
    return open ? `${open} ${what}` : null;
  };
  const lost = (reason) => ({ lost: `${reason} (a script could not be loaded)` });
  // A frame whose first, empty document a script of the page looked into keeps the window, but not what page.js listens
  // with; what such a frame could not load from its own site, its list of resources tells.
  const failed = () => {
    const entries = performance.getEntriesByType("resource");
    const refused = entries.filter((entry) => entry.initiatorType === "script" && entry.responseStatus >= 400);
    return [...heard, ...refused.map((entry) => entry.name)];
  };
  const lostIf = (failedScripts, reason) =>
    reason && failed().some((address) => failedScripts.test(address)) ? lost(reason) : reason;
  const isShown = (element) => element.getClientRects().length > 0;
  // A marker that knows whether a promise has ended, well or not.
  const marker = (promise) => {
    const made = { promise, done: false };
    const end = () => {
      made.done = true;
    };
    promise.then(end, end);
    return made;
  };

  const probes = {
    document: () => (document.readyState === "complete" ? null : document.readyState),

    moodle: () => {
      const pending = window.M?.util?.pending_js;
      const names = Array.isArray(pending) ? pending.slice(0, 5).join(", ") : "";
      return lostIf(/\/(requirejs|javascript|yui_combo)\.php\b/, names || null);
    },

    // MathJax 2: a marker at the end of its queue, and nothing behind it. While a call waits for a font or a file, the
    // queue is empty and not running, but "pending". Moodle has it wait until a script of Moodle's has configured it.
    mathjax2: () => {
      const hub = window.MathJax?.Hub;
      if (!hub?.Queue || !hub.queue) {
        return null;
      }
      if (hub.Startup?.params?.delayStartupUntil === "configured" && !hub.Configured?.called && failed().length) {
        return lost("not configured");
      }
      if (!state.mathjax2) {
        state.mathjax2 = { done: false };
        const mine = state.mathjax2;
        hub.Queue(() => {
          mine.done = true;
        });
        return "typesetting";
      }
      if (!state.mathjax2.done) {
        return "typesetting";
      }
      if (hub.queue.queue?.length || hub.queue.running || hub.queue.pending) {
        state.mathjax2 = null;
        return "typesetting";
      }
      return null;
    },

    // MathJax 3 and 4: the promise of its start, which later typesetting extends; then what ui/lazy put off until
    // somebody scrolls there.
    mathjax3: () => {
      const startup = window.MathJax?.startup;
      if (!startup?.promise?.then) {
        return null;
      }
      if (state.mathjax3?.promise !== startup.promise) {
        state.mathjax3 = marker(startup.promise);
      }
      if (!state.mathjax3.done) {
        return "typesetting";
      }
      if (!state.lazyMath && typeof startup.document?.lazyTypesetAll === "function") {
        state.lazyMath = marker(Promise.resolve(startup.document.lazyTypesetAll()));
      }
      return state.lazyMath && !state.lazyMath.done ? "typesetting what was put off" : null;
    },

    // JSXGraph and STACK: a board that has its place, but not its drawing, or that holds its updates back.
    jsxgraph: () => {
      const empty = counted(
        document.getElementsByClassName("jxgbox"),
        (box) => isShown(box) && !box.querySelector("svg, canvas"),
        "board(s) not drawn",
      );
      const boards = Object.values(window.JXG?.boards || {});
      return lostIf(/jsxgraph/i, empty) ?? counted(boards, (board) => board.isSuspendedUpdate, "board(s) hold their updates back");
    },

    // GeoGebra: deployggb.js takes its preview away when the applet has been drawn. One with a play button stays.
    geogebra: () => {
      const isOpen = (applet) => {
        const preview = applet.querySelector(".ggb_preview");
        return isShown(applet) && (preview ? !preview.querySelector(".ggb_preview_play") : !applet.firstElementChild);
      };
      const applets = document.getElementsByClassName("applet_scaler");
      return lostIf(/geogebra|ggb/i, counted(applets, isOpen, "applet(s) loading"));
    },

    // H5P marks what it has begun with; inside a frame of its own the frame's document does the same.
    h5p: () =>
      counted(
        document.querySelectorAll(".h5p-content:not(.h5p-initialized), iframe.h5p-iframe:not(.h5p-initialized)"),
        () => Boolean(window.H5P || window.H5PIntegration),
        "content(s) not begun",
      ),

    // Ace: the language's rules come later than the text; without them the code has no colours.
    ace: () => {
      const isOpen = (element) => {
        const session = element.env?.editor?.session;
        return Boolean(session?.$modeId) && session.$mode?.$id !== session.$modeId && !session.$modes?.[session.$modeId];
      };
      return window.ace ? counted(document.getElementsByClassName("ace_editor"), isOpen, "editor(s) loading") : null;
    },

    fonts: () => (document.fonts.status === "loading" ? "loading" : null),

    // "complete" is also said of an image that could not be loaded. It is not decoded here: printing does that, where it
    // must at all (a JPEG goes into the PDF as it is).
    images: () => {
      const isOpen = (image) => {
        if (image.loading === "lazy") {
          image.loading = "eager";
        }
        return Boolean(image.currentSrc || image.src) && !image.complete;
      };
      return counted(document.images, isOpen, "loading");
    },

    // Film and sound stand still; what is seen is the poster, or the first frame.
    media: () => {
      const isOpen = (medium) => {
        if (!medium.paused) {
          medium.pause();
        }
        if (medium.poster) {
          if (!state.posters.has(medium)) {
            const poster = new Image();
            poster.src = medium.poster;
            state.posters.set(medium, marker(poster.decode()));
          }
          return !state.posters.get(medium).done;
        }
        return isShown(medium) && medium.networkState === medium.NETWORK_LOADING && medium.readyState < 2;
      };
      return counted(document.querySelectorAll("video"), isOpen, "film(s) without a picture");
    },

    // A canvas that is being drawn on tells nobody: it is looked at, small, until it stays the same. What scripts may not
    // read (foreign content), nobody can look at.
    canvas: () => {
      const now = performance.now();
      const isOpen = (canvas) => {
        if (!canvas.width || !canvas.height) {
          return false;
        }
        let known = state.canvases.get(canvas);
        if (!known || now - known.at >= 3 * TICK_MS) {
          const look = glance(canvas);
          known = { at: now, look, since: look === known?.look ? known.since : now };
          state.canvases.set(canvas, known);
        }
        return now - known.since < CANVAS_STILL_MS;
      };
      return counted([...document.getElementsByTagName("canvas")].slice(0, 50), isOpen, "still being drawn");
    },

    // Those that wait until somebody scrolls there. Whether one is loading is Chromium's to say, see embedded.py: a look
    // into its first, empty document would take the place of page.js in the one that follows.
    frames: () => {
      for (const element of document.getElementsByTagName("iframe")) {
        if (element.loading === "lazy") {
          element.loading = "eager";
        }
      }
      return null;
    },
  };

  const glance = (canvas) => {
    const small = (state.small ??= new OffscreenCanvas(48, 48).getContext("2d", { willReadFrequently: true }));
    try {
      small.clearRect(0, 0, 48, 48);
      small.drawImage(canvas, 0, 0, 48, 48);
      return small.getImageData(0, 0, 48, 48).data.join();
    } catch {
      state.small = null; // what is foreign has tainted it
      return "";
    }
  };

  const reasons = () => {
    const found = [];
    for (const [name, probe] of Object.entries(probes)) {
      let reason;
      try {
        reason = probe();
      } catch (error) {
        reason = `probe failed (${String(error).slice(0, 100)})`;
      }
      if (reason) {
        found.push({ text: `${name}: ${String(reason.lost ?? reason).slice(0, 200)}`, isLost: "lost" in Object(reason) });
      }
    }
    return found;
  };

  if (matchMedia("(scripting: none)").matches) {
    prepare(); // a frame without the right to run scripts: no timer would ever end here
    return { ready: true, waiting: [] };
  }
  return new Promise((resolve) => {
    let still = 0; // ms without a change; a busy main thread must not count as a still page, so steps are capped
    let last = performance.now();
    let before = "";
    let rounds = 0;
    // What waits for frames (animation callbacks, observers of sizes and places) has had some since the last change.
    // Only in the page itself: frames inside of it that nobody sees get none.
    const isDrawn = () => window !== window.top || framesLeft === 0;
    const nextFrame = window[Symbol.for("archiveworker.frame")];
    let framesLeft = 0;
    let asking = false;
    const frame = () => {
      framesLeft -= 1;
      asking = framesLeft > 0;
      if (asking) {
        nextFrame(frame);
      }
    };
    const wantFrames = () => {
      framesLeft = frameCount;
      if (!asking && framesLeft) {
        asking = true;
        nextFrame(frame);
      }
    };
    const observer = new MutationObserver(() => {
      still = 0;
      wantFrames();
    });
    wantFrames();
    observer.observe(document, { subtree: true, childList: true, attributes: true, characterData: true });

    const end = (lost) => {
      observer.disconnect();
      resolve({ ready: !state.waiting.length, waiting: state.waiting, lost });
    };
    const tick = () => {
      const now = performance.now();
      still += Math.min(now - last, 2 * TICK_MS);
      last = now;
      const found = reasons();
      const waiting = found.map((reason) => reason.text);
      const lost = found.length > 0 && found.every((reason) => reason.isLost);
      const text = waiting.join("; ");
      if (text !== before) {
        still = 0;
        before = text;
      }
      state.waiting = waiting.length ? waiting : ["the page: it keeps changing"];
      const settled = waiting.length ? still >= (lost ? Math.min(LOST_MS, stuckMs) : stuckMs) : still >= quietMs && isDrawn();
      if (settled && rounds < MAX_ROUNDS && prepare() > 0) {
        // What was unrolled may load or draw something in its turn.
        rounds += 1;
        still = Math.max(0, still - quietMs);
      } else if (settled) {
        state.waiting = waiting;
        end(lost);
        return;
      }
      setTimeout(tick, TICK_MS);
    };
    tick();
  });
})
