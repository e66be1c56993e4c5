// Searching in what was read of a file: hits are marked, and Enter goes from one to the next.
import { element } from "../shared/dom.js";
import { t } from "../shared/i18n.js";

const MARK = "found";

let page = null; // { sheets(), number(), goTo(sheet, line), turnsTo } of the results
let hits = []; // { sheet, line } numbers
let at = -1;

export function listen(given) {
  page = given;
  const field = element("find");
  field.addEventListener("input", search);
  field.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      field.value = "";
      search();
      field.blur();
    }
    if (event.key !== "Enter" || !hits.length) return;
    event.preventDefault();
    goTo(at + (event.shiftKey ? -1 : 1));
  });
}

const wanted = () => element("find").value.trim().toLocaleLowerCase();

function search() {
  hits = hitsIn(page.sheets(), wanted());
  const here = hits.findIndex(({ sheet }) => sheet >= page.number());
  if (hits.length) goTo(Math.max(here, 0));
  else at = -1;
  renew();
}

function hitsIn(sheets, text) {
  if (!text) return [];
  return sheets.flatMap(({ answer }, sheet) =>
    (answer?.lines ?? []).flatMap((line, number) =>
      line.text.toLocaleLowerCase().includes(text) ? [{ sheet, line: number }] : [],
    ),
  );
}

function goTo(number) {
  at = (number + hits.length) % hits.length;
  page.goTo(hits[at].sheet, hits[at].line);
  showCount();
}

function showCount() {
  const values = { number: Math.max(at, 0) + 1, count: hits.length };
  element("find-count").textContent = wanted() ? t(hits.length ? "find.count" : "find.none", values) : "";
}

/** Mark the hits in the text as it is now. */
export function renew() {
  hits = hitsIn(page.sheets(), wanted());
  at = Math.min(at, hits.length - 1);
  showCount();
  if (!CSS.highlights) return; // an old browser: Enter goes to the lines all the same
  const words = wanted() ? [...element("lines").querySelectorAll(".words")] : [];
  CSS.highlights.set(MARK, new Highlight(...words.flatMap((one) => rangesIn(one, wanted()))));
}

/** Every place of a text in an element, whatever elements it is made of. */
function rangesIn(place, text) {
  const walker = document.createTreeWalker(place, NodeFilter.SHOW_TEXT);
  const nodes = [];
  while (walker.nextNode()) nodes.push(walker.currentNode);
  const whole = place.textContent.toLocaleLowerCase();
  const ranges = [];
  for (let start = whole.indexOf(text); start >= 0; start = whole.indexOf(text, start + text.length)) {
    ranges.push(rangeOf(nodes, start, start + text.length));
  }
  return ranges;
}

function rangeOf(nodes, start, end) {
  const range = document.createRange();
  let passed = 0;
  for (const node of nodes) {
    const next = passed + node.length;
    if (start >= passed && start < next) range.setStart(node, start - passed);
    if (end > passed && end <= next) range.setEnd(node, end - passed);
    passed = next;
  }
  return range;
}
