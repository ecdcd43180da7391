// Runs in every frame, in a world that the page cannot reach, before any script of the page.
// A document that is being archived stays: every attempt to go elsewhere is cancelled and counted.
// Argument: {css}: style sheet for the paper.
((given) => {
  "use strict";
  const left = [];
  globalThis.archiveworkerLeft = left;

  if (window === window.top && window.navigation) {
    window.navigation.addEventListener("navigate", (event) => {
      const to = new URL(event.destination.url, location.href);
      if (event.destination.sameDocument || event.hashChange) {
        return;
      }
      if (event.cancelable) {
        event.preventDefault();
      }
      if (left.length < 20) {
        left.push(to.origin === "null" ? to.protocol : to.origin + to.pathname);
      }
    });
  }

  // A page has no last words: what would run when it is closed would run in the process of the next one.
  for (const name of ["beforeunload", "pagehide", "unload", "visibilitychange", "freeze"]) {
    window.addEventListener(name, (event) => event.stopImmediatePropagation(), true);
  }

  // Dialogues that Moodle's scripts put at the end of the body say that there is no session, and would cover the page.
  // What a student wrote is never a child of the body itself.
  document.addEventListener("DOMContentLoaded", () => {
    if (window !== window.top || !document.body) {
      return;
    }
    const style = document.createElement("style");
    style.textContent =
      "body > .moodle-dialogue-base, body > .modal, body > .modal-backdrop, body > .toast-wrapper { display: none !important; }" +
      given.css;
    (document.head || document.documentElement).append(style);
  });
})
