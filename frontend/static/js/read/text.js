// The text of a sheet, line by line; each line can be lit, copied, and shows its unsure characters.
import { element, icon, make } from "../shared/dom.js";
import { formatPercent, t } from "../shared/i18n.js";
import { rove } from "./roving.js";

const DOUBT = "ocr-doubt";

/** onPoint(index or null): a line is pointed at or focused; onFocus(index); onCopy(text). Returns { show, light, focus }. */
export function createText({ onPoint, onFocus, onCopy }) {
  const place = element("lines");
  let texts = [];
  const indexOf = (target) => Number(target.closest(".line")?.dataset.line ?? NaN);
  const point = (event) => onPoint(Number.isNaN(indexOf(event.target)) ? null : indexOf(event.target));
  rove(place, ".line");
  place.addEventListener("pointerover", point);
  place.addEventListener("pointerleave", () => onPoint(null));
  place.addEventListener("focusin", (event) => {
    point(event);
    onFocus(indexOf(event.target));
  });
  place.addEventListener("focusout", () => onPoint(null));
  place.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && event.target.matches(".line")) onCopy(texts[indexOf(event.target)]);
  });
  place.addEventListener("click", (event) => {
    if (event.target.closest(".copy-line")) onCopy(texts[indexOf(event.target)]);
  });
  place.addEventListener("copy", copyRows);
  listenToDoubt();

  return {
    show(lines) {
      texts = lines.map((line) => line.text);
      place.replaceChildren(...rows(lines));
      place.querySelector(".line")?.setAttribute("tabindex", "0");
      element("doubt").hidden = !lines.length;
      markDoubt();
    },
    light(index) {
      for (const line of place.querySelectorAll(".line")) {
        line.classList.toggle("lit", Number(line.dataset.line) === index);
      }
    },
    focus: (index) => place.querySelector(`[data-line="${index}"]`)?.focus(),
  };
}

/** A selection as rows on lines of their own, with a tab between the cells of one: so spreadsheets take it. */
function copyRows(event) {
  const range = getSelection().rangeCount ? getSelection().getRangeAt(0) : null;
  if (!range || range.collapsed) return;
  const cells = (row) => [...row.querySelectorAll(".words")].map((words) => selectedPart(range, words));
  const texts = [...element("lines").children].map((row) => cells(row).filter(Boolean).join("\t"));
  event.clipboardData.setData("text/plain", texts.filter(Boolean).join("\n"));
  event.preventDefault();
}

function selectedPart(range, words) {
  if (!range.intersectsNode(words)) return "";
  const part = document.createRange();
  part.selectNodeContents(words);
  if (range.compareBoundaryPoints(Range.START_TO_START, part) > 0) {
    part.setStart(range.startContainer, range.startOffset);
  }
  if (range.compareBoundaryPoints(Range.END_TO_END, part) < 0) {
    part.setEnd(range.endContainer, range.endOffset);
  }
  return part.toString();
}

/** Lines side by side are one row. */
function rows(lines) {
  const made = [];
  let row = null;
  lines.forEach((line, index) => {
    if (!made.length || line.row !== row) made.push(make("li"));
    row = line.row;
    made.at(-1).append(lineText(line, index));
  });
  return made;
}

function lineText(line, index) {
  const number = index + 1;
  const copying = t("result.copy_line", { number });
  const copy = { type: "button", tabindex: "-1", "aria-label": copying, title: copying };
  const label = t("stage.line", { number, text: line.text });
  return make(
    "div.line",
    { "data-line": index, tabindex: "-1", role: "group", "aria-label": label },
    make("span.words", { dir: "auto" }, ...characters(line)),
    make("button.quiet.square.copy-line", copy, icon("copy")),
  );
}

function characters(line) {
  if (!line.chars) return [line.text];
  return line.chars.map(({ char, confidence }) => {
    const title = t("result.character", { char, percent: formatPercent(confidence) });
    return make("span", { "data-confidence": confidence, title }, char);
  });
}

function listenToDoubt() {
  element("doubt-below").value = localStorage.getItem(DOUBT) ?? 80;
  element("doubt-below").addEventListener("input", (event) => {
    localStorage.setItem(DOUBT, event.target.value);
    markDoubt();
  });
}

/** Mark the characters that are less sure than the reader wants. */
function markDoubt() {
  const below = Number(element("doubt-below").value) / 100;
  element("doubt-value").textContent = formatPercent(below);
  for (const character of element("lines").querySelectorAll("[data-confidence]")) {
    character.classList.toggle("doubtful", Number(character.dataset.confidence) < below);
  }
}
