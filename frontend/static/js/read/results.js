// What was read in the job that is looked at: picture and text side by side, each lighting the other.
import { element } from "../shared/dom.js";
import { t } from "../shared/i18n.js";
import { models, nextUnsure } from "./confidence.js";
import { correctLines } from "./correcting.js";
import { asRows, createFields } from "./fields.js";
import * as compare from "./compare.js";
import { ENDED, failedPages, sheets, wholeAnswers } from "./jobs.js";
import { notify } from "../shared/notices.js";
import { hasPicture, pictureOf } from "./pictures.js";
import { showPages } from "./pages.js";
import * as search from "./search.js";
import * as region from "./region.js";
import { facts, status } from "./standing.js";
import { listenToTabs } from "./tabs.js";
import { createText } from "./text.js";
import { STEPS } from "./panzoom.js";
import { shaped } from "./shapes.js";
import { createViewer } from "./viewer.js";

let viewer = null;
let text = null;
let fields = null;
let job = null;
let number = 0; // of the sheet that is shown
let url = null;
let drawn = []; // what the picture is of
let told = null; // the answer whose lines are shown

export function listen() {
  viewer = createViewer(element("stage"), {
    onPoint: light,
    onPick: (index) => text.focus(index),
    onZoom: (scale) => (element("zoom").textContent = `${Math.round(scale * 100)} %`),
    onRegion: region.open,
    onSelect: copy,
  });
  text = createText({
    onPoint: light,
    onFocus: (index) => viewer.reveal(index),
    onCopy: copy,
    onCorrect: (index, said) => correctLines(sheetShown(), [[index, said]]),
    onNext: (index) => goToUnsure(index, text.edit),
  });
  fields = createFields({
    onPoint: (lines) => light(lines?.map((line) => line - sheetShown().first) ?? null),
    onPick: (line) => showWhole(line),
  });
  element("copy-fields").addEventListener("click", () => copy(asRows(sheetShown().whole.fields)));
  region.listen({ sheet: sheetShown, viewer, copy });
  listenToTools();
  listenToTabs(json);
  element("copy").addEventListener("click", () => copyShaped([pageShown()]));
  element("copy-document").addEventListener("click", () => copyShaped(wholeAnswers(job)));
  element("share").hidden = !navigator.share;
  element("share").addEventListener("click", share);
  element("copy-json").addEventListener("click", () => copy(json()));
  element("page-jump").addEventListener("change", (event) => turnTo(event.target.valueAsNumber - 1 || 0));
  search.listen({ sheets: () => (job ? sheets(job) : []), number: () => number, goTo: showLine });
  compare.listen(sheetShown);
  element("next-unsure").addEventListener("click", () => goToUnsure());
  for (const [id, step] of Object.entries({ "previous-sheet": -1, "next-sheet": 1 })) {
    element(id).addEventListener("click", () => turnTo(number + step));
  }
  models().then(renew, () => {});
}

/** Bring a line of a sheet into view. */
function showLine(sheet, line) {
  if (sheet !== number) turnTo(sheet);
  text.reveal(line);
  viewer.reveal(line);
  light(line);
}

/** Bring a line into view by its place in the whole answer, which may have several pages. */
function showWhole(line) {
  const { item } = sheetShown();
  const found = sheets(job).findLastIndex((sheet) => sheet.item === item && sheet.first <= line);
  showLine(found, line - sheets(job)[found].first);
}

/** Turn to the first page of what the service made of a file. */
export function turnToItem({ item, page }) {
  turnTo(sheets(job).findIndex((sheet) => sheet.item.item === item && sheet.item.page === page));
}

/** Turn so many pages on; false: there are no others. */
export const turnBy = (step) => (job && sheets(job).length > 1 ? void turnTo(number + step) : false);

/** Draw again what is shown: something that all sheets depend on has changed. */
function renew() {
  told = null;
  show(job);
}

/** Go to the next line that is not sure after `index`, on this page or the next that has some; false: all are. */
export function goToUnsure(index = text.focused(), act = text.focus) {
  const lines = sheetShown()?.answer?.lines ?? [];
  const here = nextUnsure(lines, index);
  const isLast = here === null || here <= index;
  const other = isLast ? sheets(job).findIndex((sheet, place) => place > number && hasUnsure(sheet)) : -1;
  if (other > 0) turnTo(other);
  const next = other > 0 ? nextUnsure(sheetShown().answer.lines) : here;
  if (next === null || next === index) return false;
  return act(next) ?? true;
}

const hasUnsure = ({ answer }) => nextUnsure(answer?.lines ?? []) !== null;

export const jobShown = () => job;
/** The page as an answer of its own. */
const pageShown = () => ({ name: sheetShown().name, answer: { ...sheetShown().answer, pages: undefined } });
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
  showPages(all, number, turnTo);
  Object.assign(element("page-jump"), { max: all.length, value: number + 1 });
  element("sheet-number").textContent = place(all);
  element("previous-sheet").disabled = number === 0;
  element("next-sheet").disabled = number >= all.length - 1;
  const sheet = all[number];
  element("copy-document").hidden = all.length < 2;
  element("copy-words").textContent = t(all.length < 2 ? "result.copy" : "result.copy_page");
  showStatus(sheet);
  compare.renew();
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
  const wanted = sheet ? [sheet.job.id, sheet.page, sheet.job.adjusted, sheet.item?.result] : [];
  const isSamePicture =
    wanted.length === drawn.length && wanted.every((part, index) => part === drawn[index]);
  const answer = sheet?.answer ? sheet.whole : null;
  if (isSamePicture && told === answer) return;
  told = answer;
  showText(sheet?.answer ? sheet : null);
  if (isSamePicture) return viewer.showLines(sheet?.answer?.lines ?? []);
  drawn = wanted;
  region.close();
  const picture = sheet ? await pictureOf(sheet).catch((problem) => complain(problem)) : null;
  if (drawn !== wanted) return; // another is looked at by now
  if (url) URL.revokeObjectURL(url);
  url = picture ? URL.createObjectURL(picture) : null;
  const { width, height } = sheet?.answer ?? (await sizeOf(url));
  if (drawn === wanted) viewer.show({ url, width, height, found: sheetShown()?.answer?.lines ?? [] });
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
  fields.show(sheet?.whole.fields);
  search.renew();
  element("share").disabled = element("copy").disabled = !sheet?.answer.lines.length;
  element("download").hidden = !job || !wholeAnswers(job).length;
  element("facts").replaceChildren(...(sheet ? facts(sheet) : []));
  element("tab-json").disabled = !sheet;
  if (!element("panel-json").hidden) element("json").textContent = json();
}

function showStatus(sheet) {
  element("result-status").textContent = status(job, sheet);
  element("next-unsure").hidden = !sheet || !hasUnsure(sheet);
  const failed = job?.blob && ENDED.has(job.state) ? failedPages(job).length : 0;
  element("again-pages").hidden = !failed;
  element("again-pages-words").textContent =
    failed === 1 ? t("result.again_page") : t("result.again_pages", { count: failed });
  element("adjust").disabled = !job?.blob || !hasPicture(job);
}

/** Hand the text to another application; that the reader chose none is no problem. */
async function share() {
  try {
    await navigator.share({ title: job.name, text: await shaped(wholeAnswers(job)) });
  } catch (problem) {
    if (problem.name !== "AbortError") complain(problem); // the reader changed his mind
  }
}

function light(index) {
  viewer.light(index);
  text.light(index);
}

function listenToTools() {
  element("zoom-in").addEventListener("click", () => viewer.zoomBy(STEPS.in));
  element("zoom-out").addEventListener("click", () => viewer.zoomBy(STEPS.out));
  element("fit").addEventListener("click", () => viewer.fit());
  for (const layer of ["lines", "characters"]) {
    const button = element(`show-${layer}`);
    button.addEventListener("click", () => {
      const isShown = button.getAttribute("aria-pressed") !== "true";
      button.setAttribute("aria-pressed", isShown);
      viewer.set(`with-${layer}`, isShown);
    });
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

async function copyShaped(found) {
  try {
    await copy(await shaped(found));
  } catch (problem) {
    complain(problem);
  }
}

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    notify(t("result.copied"), { seconds: 3 });
  } catch {
    notify(t("result.copy.refused"), { bad: true });
  }
}
