// Runs in the page's own world (it has to see Moodle's and MathJax's objects) and ends when the page is ready, or when
// nothing at all has happened for stuckMs although something is still waited for. Argument: {quietMs, stuckMs}.
// Result: {ready, waiting: [reasons]}. The reasons are kept where `waiting.js` finds them if the time limit strikes.
//
// A probe is a function that returns null when its technology has settled, or a reason why not. One technology each.
((limits) => {
  "use strict";
  const { quietMs, stuckMs } = limits;
  const KEY = Symbol.for("archiveworker.ready");
  const TICK_MS = 15;
  const state = (window[KEY] ??= { waiting: [], images: new WeakMap(), mathjax2: null, mathjax3: null });

  const frame = (element) => {
    try {
      return element.contentDocument;
    } catch {
      return null; // of another origin: the gateway sees its requests
    }
  };

  const probes = {
    document: () => (document.readyState === "complete" ? null : document.readyState),

    moodle: () => {
      const pending = window.M?.util?.pending_js;
      return Array.isArray(pending) && pending.length ? pending.slice(0, 5).join(", ") : null;
    },

    // MathJax 2: a marker at the end of its queue, and nothing behind it. While a call waits for a font or a file, the
    // queue is empty and not running, but "pending".
    mathjax2: () => {
      const hub = window.MathJax?.Hub;
      if (!hub?.Queue || !hub.queue) {
        return null;
      }
      if (!state.mathjax2) {
        const marker = (state.mathjax2 = { done: false });
        hub.Queue(() => {
          marker.done = true;
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

    // MathJax 3 and 4: the promise of its start, which later typesetting extends.
    mathjax3: () => {
      const promise = window.MathJax?.startup?.promise;
      if (!promise?.then) {
        return null;
      }
      if (state.mathjax3?.promise !== promise) {
        const marker = (state.mathjax3 = { promise, done: false });
        const end = () => {
          marker.done = true;
        };
        promise.then(end, end);
      }
      return state.mathjax3.done ? null : "typesetting";
    },

    fonts: () => (document.fonts.status === "loading" ? "loading" : null),

    images: () => {
      let open = 0;
      for (const image of document.images) {
        if (image.loading === "lazy") {
          image.loading = "eager";
        }
        const source = image.currentSrc || image.src;
        if (!source) {
          continue;
        }
        let known = state.images.get(image);
        if (known?.source !== source) {
          known = { source, done: false };
          state.images.set(image, known);
          const marker = known;
          const end = () => {
            marker.done = true;
          };
          image.decode().then(end, end);
        }
        open += known.done ? 0 : 1;
      }
      return open ? `${open} not decoded` : null;
    },

    frames: () => {
      let open = 0;
      for (const element of document.querySelectorAll("iframe")) {
        if (element.loading === "lazy") {
          element.loading = "eager";
        }
        const inner = frame(element);
        open += inner && inner.readyState !== "complete" ? 1 : 0;
      }
      return open ? `${open} loading` : null;
    },
  };

  return new Promise((resolve) => {
    let still = 0; // ms without a change; a busy main thread must not count as a still page, so steps are capped
    let last = performance.now();
    let before = "";
    const observer = new MutationObserver(() => {
      still = 0;
    });
    observer.observe(document, { subtree: true, childList: true, attributes: true, characterData: true });

    const end = (ready) => {
      observer.disconnect();
      resolve({ ready, waiting: state.waiting });
    };
    const tick = () => {
      const now = performance.now();
      still += Math.min(now - last, 2 * TICK_MS);
      last = now;
      const waiting = [];
      for (const [name, probe] of Object.entries(probes)) {
        let reason;
        try {
          reason = probe();
        } catch (error) {
          reason = `probe failed (${String(error).slice(0, 100)})`;
        }
        if (reason) {
          waiting.push(`${name}: ${String(reason).slice(0, 200)}`);
        }
      }
      const text = waiting.join("; ");
      if (text !== before) {
        still = 0;
        before = text;
      }
      state.waiting = waiting.length ? waiting : ["the page: it keeps changing"];
      if (!waiting.length && still >= quietMs) {
        state.waiting = [];
        end(true);
      } else if (waiting.length && still >= stuckMs) {
        end(false);
      } else {
        setTimeout(tick, TICK_MS);
      }
    };
    tick();
  });
})
