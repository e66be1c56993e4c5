// The files that are to be read and those that have been: what they are, their state, what was read in them.
import { asProblem, Problem } from "../shared/api.js";
import { t } from "../shared/i18n.js";
import { notify } from "../shared/notices.js";
import { corrected } from "./corrections.js";
import * as storage from "./storage.js";

export const ENDED = new Set(["done", "failed", "refused", "cancelled"]);
const ITEM_ENDED = new Set(["success", "failure", "cancelled"]);

/** Tells "added", "changed" and "removed", each with the job as detail. */
export const events = new EventTarget();
/** By id, in the order in which they came. */
export const jobs = new Map();

const stored = new WeakMap(); // which file of a job is in the storage
let isKept = true;
let keeping = Promise.resolve();
let count = 0;

const tell = (name, job) => events.dispatchEvent(new CustomEvent(name, { detail: job }));

/**
 * A job: { id, name, size, kind, blob, adjusted, edits, options, state, share, task, number, items, problem, request }.
 * `blob` is the file, null where only the answer is known; `adjusted` what is sent in its place, if anything.
 * `request` names the request that it was sent in: sent again after a reload, it is not read twice.
 * `items` has what the service made of it: { item, name, page, state, result, error, corrections }, one for
 * each page.
 * Where some pages are read again, `pages` says which, and `kept` has the items of the others.
 */
export function add(given) {
  const job = { adjusted: null, edits: null, ...unread(), id: freshId(), ...given };
  jobs.set(job.id, job);
  keeping = Promise.all([keeping, keep(job)]);
  tell("added", job);
  return job;
}

/** What is known of a job before it is sent. */
export const unread = () => ({
  share: 0,
  task: null,
  number: 0,
  items: [],
  problem: null,
  request: null,
  pages: null,
  kept: [],
});

/** Resolves as soon as the jobs as they are now outlive a reload, or cannot. */
export const kept = () => keeping;

/** Ids sort as the jobs came, and those of two tabs differ. */
export function freshId() {
  count += 1;
  const random = crypto.getRandomValues(new Uint32Array(1))[0];
  return `${Date.now().toString(36)}-${String(count).padStart(6, "0")}-${random}`;
}

/** Change a job and tell. What is brief is not kept for a reload: how much is sent, what the service says again. */
export function change(job, values, { isBrief = false } = {}) {
  Object.assign(job, values);
  if (!jobs.has(job.id)) return;
  if (!isBrief) keeping = Promise.all([keeping, keep(job)]);
  tell("changed", job);
}

export function remove(job) {
  jobs.delete(job.id);
  stored.delete(job);
  storage.forget(job.id).catch(() => {});
  tell("removed", job);
}

/** Take a removed job up again. */
export function restore(job) {
  jobs.set(job.id, job);
  keep(job);
  tell("added", job);
}

async function keep(job) {
  const { problem, blob, adjusted, ...record } = job;
  const saying = problem && { code: problem.code, detail: problem.detail, status: problem.status };
  const isNew = stored.get(job) !== (adjusted ?? blob);
  stored.set(job, adjusted ?? blob);
  try {
    await storage.keep({ ...record, problem: saying }, isNew ? { blob, adjusted } : null);
    if (!jobs.has(job.id)) await storage.forget(job.id);
  } catch {
    if (isKept) notify(t("state.unsaved"));
    isKept = false;
  }
}

/** The jobs of before a reload. What was being sent then is to be sent again. */
export async function load() {
  const records = await storage.all().catch(() => []);
  records.sort((a, b) => (a.id < b.id ? -1 : 1));
  for (const record of records) {
    if (jobs.has(record.id)) continue;
    const job = { ...record, problem: record.problem && new Problem(record.problem) };
    if (!ENDED.has(job.state) && !job.task) Object.assign(job, { state: "waiting", share: 0 });
    stored.set(job, job.adjusted ?? job.blob);
    jobs.set(job.id, job);
    tell("added", job);
  }
}

export const isSuccess = (item) => item.state === "success";

/** What the items of a task say about the job that they belong to. */
export function stateOfItems(items) {
  if (!items.length || !items.every((item) => ITEM_ENDED.has(item.state))) return "reading";
  if (items.some(isSuccess)) return "done";
  return items.some((item) => item.state === "failure") ? "failed" : "cancelled";
}

/** How far a job is, from 0 to 1: sending it is the smaller part. */
export function progress(job) {
  if (ENDED.has(job.state)) return 1;
  if (job.state === "sending") return 0.3 * job.share;
  if (job.state !== "reading") return 0;
  const ended = job.items.filter((item) => ITEM_ENDED.has(item.state)).length;
  return 0.3 + 0.7 * (ended / Math.max(job.items.length, 1));
}

const isFailure = (item) => item.state === "failure";

const pageOf = (item) => item.page ?? item.result?.pages?.[0]?.page ?? 0;

/** The items of a job; one that failed when a page was read again is of that page. */
const itemsNow = (job) =>
  job.pages ? job.items.map((item) => (pageOf(item) ? item : { ...item, page: parseInt(job.pages, 10) })) : job.items;

/** All items of a job, whenever they were read. */
export const allItems = (job) =>
  job.kept?.length ? [...job.kept, ...itemsNow(job)].sort((a, b) => pageOf(a) - pageOf(b)) : itemsNow(job);

/** The pages that could not be read of a document; in a ZIP there may be several of those. */
export const failedPages = (job) =>
  job.kind === "zip" ? [] : allItems(job).filter((item) => isFailure(item) && item.page);

/**
 * The pages, each with its own answer as corrected, and the number that its `first` line has in the whole one; one
 * that could not be read has a `problem` and no answer.
 */
export function sheets(job) {
  return allItems(job)
    .filter((item) => isSuccess(item) || isFailure(item))
    .flatMap((item) => pagesOf(job, item));
}

function pagesOf(job, item) {
  const name = item.name || job.name;
  if (isFailure(item)) {
    const problem = asProblem(item.error);
    return [{ job, item, name, page: item.page ?? null, answer: null, whole: null, problem }];
  }
  const whole = corrected(item);
  const common = { job, item, name, whole };
  if (!whole.pages) return [{ ...common, page: item.page ?? null, answer: whole, first: 0 }];
  let first = 0;
  return whole.pages.map((page) => {
    first += page.lines.length;
    return { ...common, page: page.page, answer: { ...whole, ...page }, first: first - page.lines.length };
  });
}

/** One answer for the whole file, as if the service had read it in one go. */
export function wholeAnswers(job) {
  const read = allItems(job).filter(isSuccess);
  const documents = Map.groupBy(read, (item) => item.name || job.name);
  return [...documents].map(([name, items]) => ({
    name,
    answer: items.length === 1 ? corrected(items[0]) : merged(items),
  }));
}

function merged(items) {
  const results = items.map(corrected);
  const pages = results.flatMap((result) => result.pages ?? []);
  return {
    ...results[0],
    text: results.map((result) => result.text).join("\n\n"),
    lines: results.flatMap((result) => result.lines),
    bbox: null,
    pages,
    ...mergedFields(results),
  };
}

/** Of pages that were read apart: of each field the first that is sure, and the items of all. */
function mergedFields(results) {
  let first = 0;
  const found = {};
  for (const { fields, lines } of results) {
    const moved = (field) => field && { ...field, lines: field.lines.map((line) => line + first) };
    const { kind, items = [], ...others } = fields ?? {};
    if (kind) found.kind ??= kind;
    for (const [name, field] of Object.entries(others)) found[name] ??= moved(field);
    const own = items.map((item) => Object.fromEntries(Object.entries(item).map(([n, f]) => [n, moved(f)])));
    found.items = [...(found.items ?? []), ...own];
    first += lines.length;
  }
  return found.kind ? { fields: found } : {};
}

/** Put `item` in the place of the one with its name in the task. */
export function replaceItem(job, item) {
  const put = (items) => items.map((one) => (one.item === item.item && one.page === item.page ? item : one));
  change(job, { items: put(job.items), kept: put(job.kept ?? []) });
}
