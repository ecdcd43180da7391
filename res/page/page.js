// Runs in every frame, in the page's own world, before any script of the page. Argument: {path}.
// It makes the page the same each time and keeps it from leaving traces; it is no security boundary
// (guard.js and the gateway are).
((given) => {
  "use strict";
  const { path } = given;

  // The page is served at an address that nobody can guess; scripts and links shall see the LMS's own instead,
  // which is also the same each time.
  if (window === window.top && location.protocol.startsWith("http")) {
    history.replaceState(null, "", path);
  }

  // Ids that libraries draw by lot would make two renderings of one attempt differ. (mulberry32, seeded)
  let seed = 0x5eed;
  Math.random = () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), seed | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };

  // For ready.js: addresses of scripts that could not be had, so that nothing is awaited that only they could end.
  const failed = (window[Symbol.for("archiveworker.failed")] = []);
  window.addEventListener(
    "error",
    (event) => {
      if (event.target instanceof HTMLScriptElement) {
        failed.push(event.target.src);
      }
    },
    true,
  );

  // For ready.js, whatever the page does to its own.
  window[Symbol.for("archiveworker.frame")] = window.requestAnimationFrame.bind(window);

  // Nothing that opens windows, and nothing that sends without being asked to.
  window.open = () => null;
  window.print = () => undefined;
  for (const name of ["RTCPeerConnection", "webkitRTCPeerConnection", "WebTransport"]) {
    delete window[name];
  }
  performance.setResourceTimingBufferSize(5000);
})
