// Renders every formula of a page with the KaTeX that lies beside this file. Sphinx writes a formula as an element of
// class "math" whose last text is its TeX, between \( \) or \[ \], behind the number of a numbered one.
"use strict";

function tex(element) {
  const source = element.lastChild.textContent.trim();
  const inner = source.match(/^\\[([]([\s\S]*)\\[)\]]$/);
  return inner ? inner[1] : source;
}

function render(element) {
  const display = element.tagName === "DIV";
  const place = document.createElement(display ? "div" : "span");
  if (display) place.className = "formula";
  katex.render(tex(element), place, { displayMode: display, throwOnError: false });
  element.lastChild.remove();
  element.append(place);
  if (!display) keepPunctuation(element);
}

// A comma behind a formula goes with its last part, so that no line begins with it.
function keepPunctuation(element) {
  const next = element.nextSibling;
  const mark = next && next.nodeType === Node.TEXT_NODE ? next.data.match(/^[.,;:!?)\u2019]+/) : null;
  const part = element.querySelector(".katex-html > :last-child");
  if (!mark || !part) return;
  const kept = document.createElement("span");
  kept.className = "punctuation";
  kept.textContent = mark[0];
  part.append(kept);
  next.data = next.data.slice(mark[0].length);
}

// On a narrow screen a display breaks between its parts (polyspike.css); what is still too wide is written smaller, down to
// a share that can be read, and scrolls by itself beyond that.
const SMALLEST = 0.6;
const NARROW = matchMedia("(max-width: 768px)");

function fit(formula) {
  formula.style.fontSize = "";
  const share = formula.clientWidth / formula.scrollWidth;
  if (NARROW.matches && share < 1) formula.style.fontSize = `${Math.max(SMALLEST, 0.99 * share)}em`;
}

function fitAll() {
  document.querySelectorAll("div.math .formula").forEach(fit);
}

document.querySelectorAll(".math.notranslate").forEach(render);
fitAll();
document.fonts.ready.then(fitAll);
addEventListener("resize", fitAll);
document.documentElement.dataset.formulas = "rendered"; // what the browser tests look for
