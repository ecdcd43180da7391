// Keeps a page current that shows running jobs; without it the page is the same, as of its time.
"use strict";
(() => {
  const live = () => document.querySelector("main[data-live]");
  const busy = () => document.hidden || document.activeElement?.closest("form, details, table") !== null && document.activeElement !== document.body;
  const refresh = async () => {
    const old = live();
    if (!old || busy()) return;
    let answer;
    try { answer = await fetch(location.href, { credentials: "same-origin", redirect: "error" }); } catch { return; }
    if (!answer.ok) return;
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("main");
    if (!fresh || busy()) return;
    const open = [...old.querySelectorAll("details[open]")].map((one) => one.id);
    open.forEach((id) => fresh.querySelector(`#${CSS.escape(id)}`)?.setAttribute("open", ""));
    const said = old.querySelector("[role=status]")?.textContent;
    const status = fresh.querySelector("[role=status]");
    // Pictures that are there stay, instead of being loaded again.
    const pictures = new Map([...old.querySelectorAll("img")].map((one) => [one.getAttribute("src"), one]));
    fresh.querySelectorAll("img").forEach((one) => one.replaceWith(pictures.get(one.getAttribute("src")) ?? one));
    old.replaceWith(fresh);
    // A live region is only read out when its text changes while it stands in the page.
    if (status && said !== undefined && said !== status.textContent) {
      const text = status.textContent;
      status.textContent = said;
      requestAnimationFrame(() => { status.textContent = text; });
    }
  };
  setInterval(refresh, 2000);
})();
