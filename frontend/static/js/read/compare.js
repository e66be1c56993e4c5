// What two models read in the same picture, side by side, with what differs marked.
import { call, patiently, Problem } from "../shared/api.js";
import { element, make } from "../shared/dom.js";
import { t } from "../shared/i18n.js";
import { fillChoice, modelLabel } from "../shared/models.js";
import { models } from "./confidence.js";
import { differences } from "./differences.js";

let sheetShown = null;
let known = []; // models
let compared = null; // the answer that was compared

export function listen(sheet) {
  sheetShown = sheet;
  models().then(
    ({ models: all }) => {
      known = all;
      fillChoice(element("compare-model"), all);
      element("compare-model").value = all.find((model) => !model.default)?.name ?? "";
    },
    () => {},
  );
  element("compare").addEventListener("submit", (event) => (event.preventDefault(), compare()));
}

/** Another sheet is shown: what was compared does not belong to it. */
export function renew() {
  const sheet = sheetShown();
  element("compare-read").disabled = !sheet?.answer || !sheet.job.blob;
  if (compared && compared === sheet?.item?.result) return;
  compared = null;
  say("");
  element("compare-rows").replaceChildren();
}

const say = (words) => (element("compare-status").textContent = words);

async function compare() {
  const sheet = sheetShown();
  const model = element("compare-model").value;
  compared = sheet.item.result;
  element("compare-rows").replaceChildren();
  say(t("region.reading"));
  try {
    const answer = await patiently(() => read(sheet, model));
    if (compared === sheet.item.result) show(sheet.answer, answer.pages?.[0] ?? answer, answer.model);
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem;
    say(problem.sentence);
  }
}

function read({ job, page }, model) {
  const form = new FormData();
  const { model: _, ...options } = job.options;
  const place = page && job.kind !== "image" ? { pages: page } : {};
  form.append("image", job.adjusted ?? job.blob, job.name);
  for (const [name, value] of Object.entries({ ...options, ...place, ...(model && { model }) }))
    form.append(name, value);
  form.append("history", "false");
  return call("/recognize", { method: "POST", body: form });
}

function show(mine, other, otherModel) {
  const pairs = paired(mine.lines, other.lines);
  const differing = pairs.filter(([one, two]) => one?.text !== two?.text).length;
  say(
    differing
      ? t("compare.differ", { count: differing, total: pairs.length })
      : t("compare.same", { total: pairs.length }),
  );
  const heads = [mine.model, otherModel].map((name) => make("th", { scope: "col" }, labelOf(name)));
  const rows = pairs.map(([one, two]) => row(one?.text ?? "", two?.text ?? ""));
  element("compare-rows").replaceChildren(
    make("thead", {}, make("tr", {}, ...heads)),
    make("tbody", {}, ...rows),
  );
}

function labelOf(name) {
  const model = known.find((one) => one.name === name);
  return model ? modelLabel(known, model) : name;
}

function row(one, two) {
  const marked = (parts) => parts.map(({ text, isOther }) => (isOther ? make("mark", {}, text) : text));
  const [left, right] = one === two ? [[{ text: one }], [{ text: two }]] : differences(one, two);
  const cells = [left, right].map((parts) => make("td", { dir: "auto" }, ...marked(parts)));
  return make(one === two ? "tr" : "tr.differs", {}, ...cells);
}

/** Lines of both in reading order: those that lie on each other are a pair, others stand alone. */
function paired(mine, others) {
  const left = new Set(others);
  const pairs = mine.map((line) => {
    const match = [...left].find((other) => overlap(line, other) > 0.5);
    left.delete(match);
    return [line, match];
  });
  for (const other of left) {
    const place = pairs.findIndex(([line, match]) => (line ?? match).bbox[0][1] > other.bbox[0][1]);
    pairs.splice(place < 0 ? pairs.length : place, 0, [undefined, other]);
  }
  return pairs;
}

/** How much of the smaller of two boxes lies in the other. */
function overlap({ bbox: [[l, t1], [r, b]] }, { bbox: [[l2, t2], [r2, b2]] }) {
  const width = Math.max(0, Math.min(r, r2) - Math.max(l, l2));
  const height = Math.max(0, Math.min(b, b2) - Math.max(t1, t2));
  return (width * height) / Math.max(Math.min((r - l) * (b - t1), (r2 - l2) * (b2 - t2)), 1);
}
