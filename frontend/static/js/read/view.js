// The first view: adding images, and their results.
import * as downloads from "./downloads.js";
import { element } from "../shared/dom.js";
import { correctionsOf, itemOfRecord } from "./corrections.js";
import { KIND_OF_TYPE } from "./files.js";
import * as intake from "./intake.js";
import { t } from "../shared/i18n.js";
import { add, allItems, change, ENDED, events, jobs, replaceItem } from "./jobs.js";
import { notify } from "../shared/notices.js";
import { chosenOptions, describe, listen as listenToOptions, optionsOf } from "./options.js";
import { pictureOf } from "./pictures.js";
import * as queue from "./queue.js";
import * as region from "./region.js";
import * as results from "./results.js";
import * as shortcuts from "./shortcuts.js";
import * as splitter from "./splitter.js";
import { retry, retryPages, start } from "./uploads.js";

let editor = null;
let isChosen = false; // the reader chose a job; until then the first to end is looked at

export function mount() {
  listenToOptions(offerAgain);
  results.listen();
  queue.listen((job) => select(job, true));
  downloads.listen();
  splitter.listen();
  listenToKeys();
  events.addEventListener("added", arrived);
  events.addEventListener(
    "changed",
    ({ detail: job }) => job.id === results.jobShown()?.id && results.show(job),
  );
  events.addEventListener("changed", ({ detail: job }) => ended(job));
  events.addEventListener("changed", offerAgain);
  events.addEventListener("removed", left);
  element("again").addEventListener("click", readAgain);
  element("again-pages").addEventListener("click", () => retryPages(results.jobShown()));
  element("adjust").addEventListener("click", adjust);
  intake.listen();
  start();
}

function listenToKeys() {
  const isIdle = () => [document.body, element("main")].includes(document.activeElement);
  const actions = {
    n: () => results.goToUnsure(),
    r: region.toggle,
    "/": () => element("find").focus(),
    PageDown: () => results.turnBy(1),
    PageUp: () => results.turnBy(-1),
    ArrowDown: () => isIdle() && queue.step(1),
    ArrowUp: () => isIdle() && queue.step(-1),
  };
  shortcuts.listen(actions, () => !element("view-read").hidden && jobs.size > 0);
}

/** Show an answer of the history again: { name, answer, blob }, whose blob is the image, or null. */
export function openRecord({ name, answer, blob }) {
  if (openAgain(answer)) return;
  const kind = blob && (KIND_OF_TYPE[blob.type] ?? "image");
  const image = blob ? { kind, blob, size: blob.size } : imageAtHand(answer);
  const items = [itemOfRecord(answer, name)];
  select(add({ name, ...image, options: optionsOf(answer), state: "done", items }), true);
}

/** Whether the file of a record is in the list: then it is looked at, as it was corrected since. */
function openAgain(record) {
  const isOf = ({ result }) => result?.history_id === record.history_id;
  const job = [...jobs.values()].find((one) => allItems(one).some(isOf));
  if (!job) return false;
  const items = allItems(job).filter(isOf); // several are the pages of a document
  for (const item of items) replaceItem(job, { ...item, corrections: correctionsOf(record, item.page) });
  select(job, true);
  results.turnToItem(items[0]);
  return true;
}

/** The image of an answer, where a file of the list is the same. */
function imageAtHand({ image_hash: hash }) {
  const read = (job) => job.items.some(({ result }) => result?.image_hash === hash);
  const { kind = null, blob = null, adjusted = null, size = 0 } = [...jobs.values()].find(read) ?? {};
  return { kind, blob, adjusted, size };
}

function readAgain() {
  element("options").open = false;
  retry(results.jobShown(), { options: chosenOptions() });
}

/** Say what reading again would do, where the options are others than those the file was read with. */
function offerAgain() {
  const job = results.jobShown();
  const isOther =
    job?.blob && ENDED.has(job.state) && JSON.stringify(job.options) !== JSON.stringify(chosenOptions());
  element("again-place").hidden = !isOther;
  if (isOther)
    element("again-about").textContent = t("options.again", { name: job.name, options: describe() });
}

function select(job, byReader) {
  isChosen ||= byReader;
  closeEditor();
  queue.mark(job);
  results.show(job);
  offerAgain();
  element("workspace").hidden = !jobs.size;
  element("shortcuts").hidden = !jobs.size;
  element("view-read").classList.toggle("at-work", jobs.size > 0);
  element("workspace").classList.toggle("single", jobs.size < 2);
}

function arrived({ detail: job }) {
  const shown = results.jobShown();
  const isFirst = !shown || (ENDED.has(shown.state) && !ENDED.has(job.state) && !isNew(shown));
  select(isFirst ? job : shown, false);
}

/** Of the same drop: the first of them stays in view. */
const isNew = (job) => ["waiting", "sending"].includes(job.state);

function ended(job) {
  if (!isChosen && job.state === "done" && results.jobShown()?.state !== "done") select(job, false);
  const all = [...jobs.values()];
  const isLast = ENDED.has(job.state) && all.length > 1 && all.every((one) => ENDED.has(one.state));
  if (isLast && job.state !== "cancelled") tellOutcome(all);
}

/** How many of the files were read, and how many not. */
function tellOutcome(all) {
  const hasFailed = (one) => allItems(one).some((item) => item.state === "failure");
  const outcomes = {
    "queue.read": all.filter((one) => one.state === "done" && !hasFailed(one)).length,
    "queue.read_partly": all.filter((one) => one.state === "done" && hasFailed(one)).length,
    "queue.unread": all.filter((one) => one.state === "failed" || one.state === "refused").length,
  };
  if (!outcomes["queue.read_partly"] && !outcomes["queue.unread"]) return notify(t("queue.all_done"));
  const counted = Object.entries(outcomes).filter(([, count]) => count);
  const parts = counted.map(([key, count]) => t(key, { count }));
  return notify(t("queue.outcome", { parts: parts.join(t("queue.outcome.comma")) }), { bad: true });
}

function left({ detail: job }) {
  if (job.id === results.jobShown()?.id) select([...jobs.values()].at(-1) ?? null, false);
  else select(results.jobShown(), false);
  if (!jobs.size) isChosen = false;
}

async function adjust() {
  const job = results.jobShown();
  const sheet = results.sheetShown();
  const source =
    job.kind === "image" ? job.blob : await pictureOf(sheet ?? { job: { ...job, adjusted: null }, page: 1 });
  const { createEditor } = await import("../editor/editor.js");
  editor ??= createEditor(element("editor-place"), { onSend: sendAdjusted, onClose: closeEditor });
  element("editor-place").hidden = false;
  element("picture").hidden = true;
  editor.open(source, job.name, job.edits);
}

/** Of a document one page is adjusted: that becomes a file of its own. */
function sendAdjusted(blob) {
  const { job, page } = results.sheetShown() ?? { job: results.jobShown() };
  const { edits } = editor;
  const options = chosenOptions();
  closeEditor();
  if (job.kind === "image" || !blob) return retry(job, { adjusted: blob, edits, options });
  const name = `${job.name} · ${page ?? 1}.${blob.type.split("/")[1]}`;
  select(add({ name, kind: "image", blob, size: blob.size, options, state: "waiting" }), true);
}

function closeEditor() {
  if (element("editor-place").hidden) return;
  const job = results.jobShown();
  const { edits } = editor;
  editor.close();
  element("editor-place").hidden = true;
  element("picture").hidden = false;
  element("adjust").focus();
  if (job?.kind === "image") change(job, { edits }); // for when it is opened again
}
