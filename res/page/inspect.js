// Looks at the page that is about to be printed, from a world that the page cannot reach.
(() => {
  "use strict";
  const isLogin = () => {
    if (document.body?.id === "page-login-index") {
      return true;
    }
    for (const field of document.querySelectorAll('input[type="password"]')) {
      const action = field.form?.getAttribute("action") || "";
      if (/(log|sign)[-_]?(in|on)\b|login/i.test(action) || /(log|sign)[-_]?(in|on)/i.test(field.form?.id || "")) {
        return true;
      }
    }
    return false;
  };
  const broken = [...document.images].filter((image) => image.currentSrc && image.complete && !image.naturalWidth);
  const shown = [...document.images].filter(
    (image) => image.naturalWidth > 1 && image.offsetWidth > 1 && image.offsetHeight > 1 && !/\.svg|image\/svg/i.test(image.currentSrc),
  );
  const formulas = document.querySelectorAll(".filter_mathjaxloader_equation .nolink").length;
  const typeset = document.querySelector(".MathJax, .MathJax_SVG, .MathJax_CHTML, .MathJax_Display, mjx-container, math");
  // What a reader sees, as the distinct longer words of scripts that a PDF keeps in reading order.
  const words = () => {
    const seen = new Set();
    for (const [word] of (document.body?.innerText || "").matchAll(/\p{Script=Latin}{5,}/gu)) {
      seen.add(word);
      if (seen.size >= 400) {
        break;
      }
    }
    return [...seen];
  };
  return {
    login: isLogin(),
    words: words(),
    left: globalThis.archiveworkerLeft || [],
    brokenImages: broken.length,
    shownImages: shown.length,
    rawFormulas: typeset ? 0 : formulas,
    formulaErrors: document.querySelectorAll(".MathJax_Error, mjx-merror, .merror").length,
  };
})
