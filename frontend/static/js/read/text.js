// The text of a sheet, line by line; each line can be lit, copied, corrected, and shows its unsure characters.
import { element, icon, make } from "../shared/dom.js";
import { formatPercent, t } from "../shared/i18n.js";
import { isSure } from "./confidence.js";
import { rove } from "./roving.js";
import { copyRows } from "./rows.js";

const DOUBT = "ocr-doubt";

/**
 * onPoint(index or null): a line is pointed at or focused; onFocus(index); onCopy(text); onCorrect(index, text):
 * a line is to say this, null: what was read; onNext(index): the reader is done with it.
 */
export function createText({ onPoint, onFocus, onCopy, onCorrect, onNext }) {
  const place = element("lines");
  let lines = [];
  const indexOf = (target) => Number(target.closest?.(".line")?.dataset.line ?? NaN);
  const lineAt = (index) => place.querySelector(`[data-line="${index}"]`);
  const edit = (index) => lineAt(index) && editLine(lineAt(index), lines[index].text, { save, onNext: next });
  const save = (line, text) => onCorrect(Number(line.dataset.line), text);
  const next = (line) => onNext(Number(line.dataset.line));
  rove(place, ".line");
  listenToPointing(place, indexOf, { onPoint, onFocus });
  place.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !event.target.matches(".line")) return;
    event.preventDefault();
    edit(indexOf(event.target));
  });
  place.addEventListener("click", (event) => {
    const index = indexOf(event.target);
    if (event.target.closest(".copy-line")) onCopy(lines[index].text);
    else if (event.target.closest(".revert-line")) onCorrect(index, null);
    else if (event.target.closest(".words:not([contenteditable])") && getSelection().isCollapsed) edit(index);
  });
  place.addEventListener("copy", (event) => copyRows(event, place));
  listenToDoubt();

  return {
    show(found) {
      lines = found;
      place.replaceChildren(...rows(found));
      place.querySelector(".line")?.setAttribute("tabindex", "0");
      element("doubt").hidden = !found.length;
      markDoubt();
    },
    light(found) {
      const lit = [found].flat();
      for (const line of place.querySelectorAll(".line")) {
        line.classList.toggle("lit", lit.includes(Number(line.dataset.line)));
      }
    },
    reveal: (index) => lineAt(index)?.scrollIntoView({ block: "nearest" }),
    focus: (index) => lineAt(index)?.focus(),
    edit,
    /** The line that is focused, or -1. */
    focused: () => (place.contains(document.activeElement) ? indexOf(document.activeElement) : -1),
  };
}

function listenToPointing(place, indexOf, { onPoint, onFocus }) {
  const point = (event) => onPoint(Number.isNaN(indexOf(event.target)) ? null : indexOf(event.target));
  place.addEventListener("pointerover", point);
  place.addEventListener("pointerleave", () => onPoint(null));
  place.addEventListener("focusin", (event) => {
    point(event);
    onFocus(indexOf(event.target));
  });
  place.addEventListener("focusout", () => onPoint(null));
}

/** Let the reader type in a line: Enter saves and goes on, Escape leaves it as it was, whatever else saves. */
function editLine(line, text, { save, onNext }) {
  const words = line.querySelector(".words");
  const label = t("result.correct", { number: Number(line.dataset.line) + 1 });
  const typing = make(
    "span.words",
    { contenteditable: "plaintext-only", role: "textbox", "aria-label": label },
    text,
  );
  let isOpen = true;
  const end = (isKept) => {
    if (!isOpen) return;
    isOpen = false;
    const said = typing.textContent.replaceAll(/\s+/g, " ").trim();
    typing.replaceWith(words);
    if (isKept && said !== text) save(line, said);
  };
  typing.addEventListener("keydown", (event) => {
    event.stopPropagation(); // arrow keys move the cursor, not the focus
    if (event.isComposing || !["Enter", "Escape"].includes(event.key)) return;
    event.preventDefault();
    end(event.key === "Enter");
    if (event.key === "Enter") onNext(line);
    else line.focus();
  });
  typing.addEventListener("blur", () => end(true));
  words.replaceWith(typing);
  typing.focus();
  getSelection().selectAllChildren(typing);
  getSelection().collapseToEnd();
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
  const state = line.corrected !== undefined ? ".corrected" : isSure(line) ? "" : ".unsure";
  const key = state === ".unsure" ? "stage.line_unsure" : "stage.line";
  return make(
    `div.line${state}`,
    { "data-line": index, tabindex: "-1", role: "group", "aria-label": t(key, { number, text: line.text }) },
    make("span.words", { dir: "auto" }, ...characters(line)),
    line.unsupported && !state.endsWith("corrected") && make("span.unsupported", {}, t("result.unsupported")),
    state === ".corrected" &&
      lineButton("revert-line", "undo", t("result.revert_line", { number, text: line.corrected })),
    lineButton("copy-line", "copy", t("result.copy_line", { number })),
  );
}

const lineButton = (name, sign, label) =>
  make(
    `button.quiet.square.${name}`,
    { type: "button", tabindex: "-1", "aria-label": label, title: label },
    icon(sign),
  );

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
