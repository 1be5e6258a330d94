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
  place.className = display ? "formula" : "";
  katex.render(tex(element), place, { displayMode: display, throwOnError: false });
  element.lastChild.remove();
  element.append(place);
}

document.querySelectorAll(".math.notranslate").forEach(render);
document.documentElement.dataset.formulas = "rendered"; // what the browser tests wait for
