// What was read in the job that is looked at: picture and text side by side, each lighting the other.
import { element, make } from "../shared/dom.js";
import { formatNumber, formatPercent, t } from "../shared/i18n.js";
import { ENDED, failedPages, sheets, wholeAnswers } from "./jobs.js";
import { notify } from "../shared/notices.js";
import { hasPicture, pictureOf } from "./pictures.js";
import { createViewer, STEPS } from "./viewer.js";
import { createText } from "./text.js";

let viewer = null;
let text = null;
let job = null;
let number = 0; // of the sheet that is shown
let url = null;
let drawn = []; // whose picture and lines are shown

export function listen() {
  viewer = createViewer(element("stage"), {
    onPoint: light,
    onPick: (index) => text.focus(index),
    onZoom: (scale) => (element("zoom").textContent = `${Math.round(scale * 100)} %`),
  });
  text = createText({ onPoint: light, onFocus: (index) => viewer.reveal(index), onCopy: copy });
  listenToTools();
  listenToTabs();
  element("copy").addEventListener("click", () => copy(sheetShown()?.answer?.text ?? ""));
  element("copy-document").addEventListener("click", () => copy(documentText()));
  element("copy-json").addEventListener("click", () => copy(json()));
  for (const [id, step] of Object.entries({ "previous-sheet": -1, "next-sheet": 1 })) {
    element(id).addEventListener("click", () => turnTo(number + step));
  }
}

export const jobShown = () => job;
/** The text of all that was read in the file. */
const documentText = () => wholeAnswers(job).map(({ answer }) => answer.text).join("\n\n");
export const sheetShown = () => (job ? sheets(job)[number] : undefined);

/** Look at a job, from its first page on; null: at none. */
export function show(other) {
  if (other?.id !== job?.id) number = 0;
  job = other;
  turnTo(number);
}

async function turnTo(wanted) {
  const all = job ? sheets(job) : [];
  number = Math.max(0, Math.min(wanted, all.length - 1));
  element("pager").hidden = all.length < 2;
  element("sheet-number").textContent = place(all);
  element("previous-sheet").disabled = number === 0;
  element("next-sheet").disabled = number >= all.length - 1;
  const sheet = all[number];
  element("copy-document").hidden = all.length < 2;
  element("copy-words").textContent = t(all.length < 2 ? "result.copy" : "result.copy_page");
  showStatus(sheet);
  await showSheet(sheet ?? (job && { job, page: 1 }));
}

/** Which of the pages is shown; of a part of a document also the number that the page has there. */
function place(all) {
  const values = { number: number + 1, count: all.length, page: all[number]?.page };
  const isPart = values.page && values.page !== values.number;
  return t(isPart ? "stage.sheet_of_part" : "stage.sheet", values);
}

/** Text and picture, when they are others than before: who reads or selects is not disturbed by news of other pages. */
async function showSheet(sheet) {
  const wanted = sheet ? [sheet.job.id, sheet.page, sheet.job.adjusted, sheet.whole] : [];
  if (wanted.length === drawn.length && wanted.every((part, index) => part === drawn[index])) return;
  drawn = wanted;
  showText(sheet?.answer ? sheet : null);
  const picture = sheet ? await pictureOf(sheet).catch((problem) => complain(problem)) : null;
  if (drawn !== wanted) return; // another is looked at by now
  if (url) URL.revokeObjectURL(url);
  url = picture ? URL.createObjectURL(picture) : null;
  const { width, height } = sheet?.answer ?? (await sizeOf(url));
  if (drawn === wanted) viewer.show({ url, width, height, found: sheet?.answer?.lines ?? [] });
}

function complain(problem) {
  notify(problem.sentence ?? String(problem), { bad: true });
  return null;
}

async function sizeOf(address) {
  const image = new Image();
  if (address) image.src = address;
  await image.decode().catch(() => {});
  return { width: image.naturalWidth || 1, height: image.naturalHeight || 1 };
}

function showText(sheet) {
  text.show(sheet?.answer.lines ?? []);
  element("copy").disabled = !sheet?.answer.lines.length;
  element("download").hidden = !job || !wholeAnswers(job).length;
  element("facts").replaceChildren(...(sheet ? facts(sheet) : []));
  element("tab-json").disabled = !sheet;
  if (!element("panel-json").hidden) element("json").textContent = json();
}

function showStatus(sheet) {
  element("result-status").textContent = status(sheet);
  element("again").hidden = !job?.blob || !sheet;
  const failed = job?.blob && ENDED.has(job.state) ? failedPages(job).length : 0;
  element("again-pages").hidden = !failed;
  element("again-pages-words").textContent =
    failed === 1 ? t("result.again_page") : t("result.again_pages", { count: failed });
  element("adjust").disabled = !job?.blob || !hasPicture(job);
}

function status(sheet) {
  if (!job) return t("result.choose");
  if (!sheet) return job.problem?.sentence ?? t(`state.${job.state}`, { percent: formatPercent(job.share) });
  if (sheet.problem) return t("result.page_failed", { reason: sheet.problem.sentence });
  const count = sheet.answer.lines.length;
  if (!count) return t("result.nothing");
  const found = count === 1 ? t("result.found.one") : t("result.found", { count });
  const about = [job.adjusted && t("result.processed"), !hasPicture(job) && t("stage.no_picture")];
  return [found, ...about.filter(Boolean), ...(sheet.whole.warnings ?? [])].join(" ");
}

function facts({ answer, whole, job: { adjusted } }) {
  const seconds = formatNumber(Math.max(whole.elapsed_ms / 1000, 0.1));
  const all = {
    "result.confidence": answer.confidence === null ? "–" : formatPercent(answer.confidence),
    "result.time":
      whole.elapsed_ms && t(whole.cached ? "result.time.cached" : "result.time.value", { seconds }),
    "result.model": readBy(whole, answer.lines),
    "result.size": `${answer.width} × ${answer.height}${adjusted ? ` · ${t("stage.adjust")}` : ""}`,
    "result.turned": answer.angle ? `${answer.angle}°` : "",
  };
  const shown = Object.entries(all).filter(([, value]) => value);
  return shown.flatMap(([name, value]) => [make("dt", {}, t(name)), make("dd", {}, value)]);
}

/** The model and its version; of one that is several networks, also how many lines each of them read. */
function readBy({ model, model_version }, lines) {
  const counts = {};
  for (const line of lines) if (line.model) counts[line.model] = (counts[line.model] ?? 0) + 1;
  delete counts[model];
  const networks = Object.keys(counts).sort();
  return [`${model} ${model_version}`, ...networks.map((name) => `${name}: ${counts[name]}`)].join(" · ");
}

function light(index) {
  viewer.light(index);
  text.light(index);
}

function listenToTabs() {
  const tabs = [element("tab-text"), element("tab-json")];
  const choose = (tab) => {
    for (const other of tabs) {
      other.setAttribute("aria-selected", other === tab);
      other.tabIndex = other === tab ? 0 : -1;
      element(other.getAttribute("aria-controls")).hidden = other !== tab;
    }
    if (tab.id === "tab-json") element("json").textContent = json();
  };
  for (const tab of tabs) {
    tab.addEventListener("click", () => choose(tab));
    tab.addEventListener("keydown", (event) => {
      if (!["ArrowLeft", "ArrowRight"].includes(event.key)) return;
      const other = tabs.find((one) => one !== tab);
      other.focus();
      choose(other);
    });
  }
}

function listenToTools() {
  element("zoom-in").addEventListener("click", () => viewer.zoomBy(STEPS.in));
  element("zoom-out").addEventListener("click", () => viewer.zoomBy(STEPS.out));
  element("fit").addEventListener("click", () => viewer.fit());
  for (const layer of ["lines", "characters"]) {
    const button = element(`show-${layer}`);
    const set = (isShown) => {
      button.setAttribute("aria-pressed", isShown);
      viewer.set(layer, isShown);
    };
    set(layer === "lines");
    button.addEventListener("click", () => set(button.getAttribute("aria-pressed") !== "true"));
  }
}

/** The answer as the service gave it, with short lists on one line. */
function json() {
  const sheet = sheetShown();
  const text = sheet?.whole ? JSON.stringify(sheet.whole, null, 2) : "";
  return text
    .replaceAll(/\[\s+(-?[\d.]+),\s+(-?[\d.]+)\s+\]/g, "[$1, $2]")
    .replaceAll(
      /\[\s+(\[[^\]]*\])((?:,\s+\[[^\]]*\])+)\s+\]/g,
      (_, first, rest) => `[${first}${rest.replaceAll(/\s+/g, " ")}]`,
    );
}

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    notify(t("result.copied"), { seconds: 3 });
  } catch {
    notify(t("result.copy.refused"), { bad: true });
  }
}
