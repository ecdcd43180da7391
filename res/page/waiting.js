// What ready.js was still waiting for; runs in the page's own world when the time limit struck.
(() => {
  const state = window[Symbol.for("archiveworker.ready")];
  return state ? state.waiting : ["document: loading"];
})
