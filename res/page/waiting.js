// What ready.js was still waiting for; runs in the page's own world when the time limit struck. What can be made visible
// is made visible all the same.
(() => {
  const state = window[Symbol.for("archiveworker.ready")];
  state?.prepare?.();
  return state ? state.waiting : ["document: loading"];
})
