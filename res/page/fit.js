// Makes what is wider than the paper fit on it, in a world that the page cannot reach, right before the page is printed.
// Chromium would shrink the whole document for one wide table, and cut off what then still does not fit.
// Argument: {widthPx}: of the paper inside its margins. Result: how many elements were made smaller.
((given) => {
  "use strict";
  const { widthPx } = given;
  const SMALLEST = 0.5; // cells of a table that would have to be smaller than this break their words instead
  const ROUNDS = 4;
  const SKIPPED = new Set(["SCRIPT", "STYLE", "TEMPLATE", "NOSCRIPT"]);
  const root = document.documentElement;
  const body = document.body;
  if (!body) {
    return 0;
  }
  // A window that is not as wide as the paper: measure what the paper will show.
  const width = root.style.getPropertyValue("width");
  const priority = root.style.getPropertyPriority("width");
  if (window.innerWidth !== widthPx) {
    root.style.setProperty("width", `${widthPx}px`, "important");
  }

  const sticksOut = (box) => box.width > 0 && box.height > 0 && box.right > widthPx + 1;
  const set = (element, name, value) => element.style.setProperty(name, value, "important");
  const isPlaced = (element) => /^(absolute|fixed)$/.test(getComputedStyle(element).position);

  const showAll = (element) => {
    // A scroll bar is of no use on paper.
    for (let around = element.parentElement; around && around !== body; around = around.parentElement) {
      if (/^(auto|scroll)$/.test(getComputedStyle(around).overflowX)) {
        set(around, "overflow", "visible");
      }
    }
  };
  const zoom = (element, smallest, measured = element) => {
    let factor = Number.parseFloat(getComputedStyle(element).zoom) || 1;
    for (let round = 0; round < ROUNDS; round += 1) {
      const box = measured.getBoundingClientRect();
      if (!sticksOut(box)) {
        return true;
      }
      const left = Math.min(Math.max(box.left, 0), widthPx / 2);
      const wanted = Math.max(smallest, factor * ((widthPx - left) / box.width) * 0.995);
      if (wanted >= factor) {
        break;
      }
      factor = wanted;
      set(element, "zoom", String(factor));
    }
    return !sticksOut(measured.getBoundingClientRect());
  };
  const fit = (element) => {
    showAll(element);
    if (element.tagName === "TABLE" && !zoom(element, SMALLEST)) {
      for (const cell of element.querySelectorAll("td, th, td *, th *")) {
        set(cell, "overflow-wrap", "anywhere");
        set(cell, "white-space", "normal");
        set(cell, "min-width", "0");
      }
    }
    // Labels that lie at fixed places of a picture shrink with it.
    zoom(element.closest(".ddarea") || element, 0.05, element);
  };
  const breakWords = (element) => set(element, "overflow-wrap", "break-word");
  const isWideText = (element) => {
    const inner = element.clientWidth;
    return (
      inner > 0 &&
      element.scrollWidth > inner + 1 &&
      [...element.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.data.trim())
    );
  };

  // All is measured before anything is changed: in turns, the page would be laid out again for each element.
  const found = [];
  const measure = (element) => {
    if (SKIPPED.has(element.tagName)) {
      return;
    }
    const isOutside = element !== body && sticksOut(element.getBoundingClientRect());
    if (isOutside && isPlaced(element)) {
      return; // somebody put it there
    }
    if (isOutside || isWideText(element)) {
      found.push({ element, isOutside });
    }
    if (element instanceof SVGElement || element.tagName === "MJX-CONTAINER" || element.classList.contains("MathJax")) {
      return; // clipped to its own box; a formula is small parts of one that was measured already
    }
    for (const child of element.children) {
      measure(child);
    }
  };
  measure(body);
  for (const { element } of found) {
    breakWords(element);
  }
  let count = 0;
  let fitted = null; // the last one: what is inside of it comes right behind it
  for (const { element, isOutside } of found) {
    if (isOutside && !fitted?.contains(element) && sticksOut(element.getBoundingClientRect())) {
      fit(element);
      fitted = element;
      count += 1;
    }
  }

  if (width) {
    root.style.setProperty("width", width, priority);
  } else {
    root.style.removeProperty("width");
  }
  return count;
})
