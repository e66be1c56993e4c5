// Lines that the service was unsure of, one after the other: what each says is typed, or confirmed, by keyboard.
import { call, patiently, Problem } from "../shared/api.js";
import { element } from "../shared/dom.js";
import { formatNumber, formatPercent, t } from "../shared/i18n.js";
import { notify } from "../shared/notices.js";

const ROUND = 20;
const MOST = 100; // that the service hands out at once

const skipped = new Set(); // ids of lines, as long as the page is open
let lines = [];
let at = 0;
let waiting = 0;
let isLoading = false;
let trouble = ""; // why there are no lines
let saving = Promise.resolve(); // one after the other, so that the last one stands in the end

export function mount() {
  if (!element("review-form")) return null; // no lines are kept
  element("review-form").addEventListener("submit", (event) => (event.preventDefault(), say()));
  element("review-skip").addEventListener("click", skip);
  element("review-back").addEventListener("click", back);
  element("review-more").addEventListener("click", load);
  element("review-text").addEventListener("keydown", listen);
  return { shown: () => (lines[at] ? element("review-text").focus() : load()) };
}

function listen(event) {
  const action = { Escape: skip, ArrowUp: back }[event.key];
  if (!action || event.isComposing) return;
  event.preventDefault();
  action();
}

/** The next round, of which the service says which lines are most useful. */
async function load() {
  if (isLoading) return;
  isLoading = true;
  trouble = "";
  show();
  try {
    await saving;
    const answer = await patiently(() =>
      call(`/feedback/queue?limit=${Math.min(MOST, ROUND + skipped.size)}`),
    );
    lines = answer.items.filter(({ id }) => !skipped.has(id)).slice(0, ROUND);
    waiting = answer.waiting;
    at = 0;
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem;
    trouble = problem.sentence;
  }
  isLoading = false;
  show();
}

/** Take what is typed for what the line says, and go on. */
function say() {
  const line = lines[at];
  line.said = element("review-text").value.replaceAll(/\s+/g, " ").trim();
  const { id, said: text } = line;
  saving = saving
    .then(() => patiently(() => call(`/feedback/lines/${id}`, { method: "PATCH", json: { text } })))
    .catch((problem) => report(problem, line));
  skipped.delete(id);
  goTo(at + 1);
}

function skip() {
  if (lines[at].said === undefined) skipped.add(lines[at].id);
  goTo(at + 1);
}

function back() {
  if (at > 0) goTo(at - 1);
}

function goTo(place) {
  at = place;
  show();
}

/** Of a line whose text could not be kept: it is left for another round. */
function report(problem, line) {
  if (!(problem instanceof Problem)) throw problem;
  delete line.said;
  notify(problem.sentence, { bad: true });
}

function show() {
  const line = isLoading ? undefined : lines[at];
  const wasTyping = element("review-form").contains(document.activeElement);
  element("review-form").hidden = !line;
  element("review-more").hidden = Boolean(line) || isLoading || (left() === 0 && !trouble);
  element("review-status").textContent = standing(line);
  if (line) showLine(line);
  else if (wasTyping) element("review-more").focus();
}

function showLine(line) {
  const { image, text, said, confidence, model } = line;
  element("review-crop").src = image;
  element("review-text").value = said ?? text;
  element("review-about").textContent = t("review.about", { percent: formatPercent(confidence), model });
  element("review-back").disabled = at === 0;
  if (isFree()) element("review-text").focus();
}

/** Whether nothing outside this view has the focus: who went elsewhere meanwhile is left there. */
function isFree() {
  const { activeElement } = document;
  return activeElement.matches("body, main") || element("view-review").contains(activeElement);
}

/** Lines that are left for another round. */
const left = () => waiting - lines.filter(({ said }) => said !== undefined).length - skipped.size;

function standing(line) {
  if (isLoading) return t("review.loading");
  if (trouble) return trouble;
  const [number, count] = [at + 1, lines.length].map(formatNumber);
  if (line) return t("review.progress", { number, count, waiting: formatNumber(waiting) });
  if (left() > 0) return t("review.round", { count: formatNumber(left()) });
  return t(skipped.size ? "review.skipped" : "review.none");
}
