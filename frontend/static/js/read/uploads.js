// Jobs -> the service -> jobs: one image at once by /recognize, more by tasks, which outlive this page.
import { asProblem, call, patiently, Problem, upload } from "../shared/api.js";
import { t } from "../shared/i18n.js";
import {
  allItems,
  change,
  ENDED,
  events,
  failedPages,
  freshId,
  isSuccess,
  jobs,
  kept,
  load,
  stateOfItems,
  unread,
} from "./jobs.js";

const GROUP_FILES = 20;
const GROUP_BYTES = 40e6;
const FIRST_PAUSE_MS = 300;
const LONGEST_PAUSE_MS = 5000;
const ITEMS = 50;

let isSending = false;
const aborts = new Map(); // of the jobs that are being sent, by id
const followed = new Set(); // tasks that are asked for

/** Send what is waiting, and ask for what is under way. */
export async function start() {
  await load();
  for (const task of new Set(
    [...jobs.values()].filter((job) => !ENDED.has(job.state)).map((job) => job.task),
  )) {
    if (task) follow(task);
  }
  events.addEventListener("added", send);
  events.addEventListener("changed", (event) => event.detail.state === "waiting" && send());
  send();
}

async function send() {
  if (isSending) return;
  isSending = true;
  await Promise.resolve(); // all files of a drop are there first
  for (;;) {
    await kept(); // whatever is sent outlives a reload
    const group = nextGroup();
    if (!group.length) break;
    await sendGroup(group);
  }
  isSending = false;
}

/** The next jobs that one request can carry: those that one carried before a reload, or not too many bytes. */
function nextGroup() {
  const waiting = [...jobs.values()].filter((job) => job.state === "waiting");
  const settings = (job) => JSON.stringify([job.options, job.pages, job.request]);
  const group = [];
  let bytes = 0;
  for (const job of waiting.filter((other) => settings(other) === settings(waiting[0]))) {
    bytes += job.size;
    if (group.length && (bytes > GROUP_BYTES || group.length === GROUP_FILES)) break;
    group.push(job);
  }
  return group;
}

async function sendGroup(group) {
  const abort = new AbortController();
  const request = group[0].request ?? freshId();
  for (const job of group) {
    aborts.set(job.id, abort);
    change(job, { state: "sending", share: 0, problem: null, items: [], task: null, request });
  }
  await kept();
  const isDirect = group.length === 1 && group[0].kind === "image";
  try {
    const answer = await patiently(() => post(group, isDirect, abort.signal), { signal: abort.signal });
    if (answer.task_id) accepted(group, answer.task_id);
    else
      change(group[0], {
        state: "done",
        items: [{ item: "0", name: group[0].name, state: "success", result: answer }],
      });
  } catch (error) {
    refused(group, error);
  } finally {
    for (const job of group) aborts.delete(job.id);
  }
}

function post(group, isDirect, signal) {
  const form = new FormData();
  for (const job of group) form.append("image", job.adjusted ?? job.blob, fileName(job));
  const { options, pages } = group[0];
  for (const [name, value] of Object.entries({ ...options, ...(pages && { pages }) })) form.append(name, value);
  form.append("detail", "chars");
  const onProgress = (share) => showProgress(group, share, isDirect);
  return upload(isDirect ? "/recognize" : "/recognize/batch", form, {
    key: group[0].request,
    signal,
    onProgress,
  });
}

const fileName = (job) => job.name.replaceAll(/[\r\n"]/g, "_");

/** Files travel one after the other: of each as much is sent as the share of all bytes says. */
function showProgress(group, share, isDirect) {
  let sent = share * group.reduce((sum, job) => sum + job.size, 0);
  for (const job of group) {
    const part = Math.min(1, Math.max(0, sent / job.size));
    sent -= job.size;
    if (job.state === "sending" && isDirect && part === 1)
      change(job, { state: "reading" }, { isBrief: true });
    else if (job.state === "sending" && part !== job.share) change(job, { share: part }, { isBrief: true });
  }
}

function accepted(group, task) {
  group.forEach((job, number) => {
    const state = job.state === "cancelled" ? "cancelled" : "reading";
    change(job, { state, task, number, share: 1 });
  });
  if (group.every((job) => job.state === "cancelled")) endTask(task);
  follow(task);
}

/** One was cancelled: the others of its request go again. One was refused: whose fault it was, each tells alone. */
function refused(group, error) {
  if (!(error instanceof Problem) && error.name !== "AbortError") throw error;
  for (const job of group) {
    if (job.state === "cancelled") continue;
    if (error instanceof Problem) change(job, { state: "failed", problem: error });
    else change(job, { state: "waiting", request: null });
  }
}

/** Ask for a task until it has ended, less and less often while nothing happens. */
async function follow(task) {
  if (followed.has(task)) return;
  followed.add(task);
  let cursor = null;
  let pause = FIRST_PAUSE_MS;
  try {
    for (;;) {
      const query = new URLSearchParams({ limit: ITEMS, ...(cursor && { cursor }) });
      const answer = await patiently(() => call(`/tasks/${task}?${query}`));
      const isNews = take(task, answer);
      const isOver = !["pending", "running"].includes(answer.state);
      if (isOver && !answer.next_cursor) break;
      const ended = endedItems(answer.items);
      cursor = ended.at(-1)?.item ?? cursor;
      const goesOn = answer.next_cursor && ended.length === answer.items.length;
      pause = isNews ? FIRST_PAUSE_MS : Math.min(pause * 1.5, LONGEST_PAUSE_MS);
      if (!goesOn) await new Promise((resolve) => setTimeout(resolve, pause));
    }
    for (const job of ofTask(task)) settle(job);
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem;
    lose(task, problem);
  } finally {
    followed.delete(task);
  }
}

/** Those at the beginning that have ended: they need not be asked for again. */
function endedItems(items) {
  const first = items.findIndex((item) => ["pending", "running"].includes(item.state));
  return first === -1 ? items : items.slice(0, first);
}

const ofTask = (task) => [...jobs.values()].filter((job) => job.task === task && !ENDED.has(job.state));
const numberOf = (item) => Number(item.item.split(":")[0]);

/** Hand the items of a task to their jobs; whether any has changed. */
function take(task, { items, next_cursor: more }) {
  let isNews = false;
  for (const job of ofTask(task)) {
    const own = items.filter((item) => numberOf(item) === job.number);
    const known = new Map(job.items.map((item) => [item.item, item]));
    const isChanged = own.some((item) => known.get(item.item)?.state !== item.state);
    if (isChanged) change(job, { items: inOrder(known, own) }, { isBrief: true });
    const isComplete = !more || numberOf(items.at(-1)) > job.number;
    if (isComplete && job.items.length && stateOfItems(job.items) !== "reading") settle(job);
    isNews ||= isChanged;
  }
  return isNews;
}

/** What was known, and what is new. A document or ZIP gives way to the pages and images in it. */
function inOrder(known, news) {
  for (const item of news) if (known.get(item.item)?.state !== item.state) known.set(item.item, item);
  const items = [...known.values()].sort((a, b) => (a.item < b.item ? -1 : 1));
  const parts = items.filter((item) => item.item.includes(":"));
  return parts.length ? parts : items;
}

function settle(job) {
  const state = stateOfItems(allItems(job));
  const failure = allItems(job).find((item) => item.error);
  change(job, {
    state: state === "reading" ? "failed" : state,
    problem: failure ? asProblem(failure.error) : null,
  });
}

/** The task cannot be asked for any more. */
function lose(task, problem) {
  const known =
    problem.code === "task-not-found"
      ? new Problem({ code: "expired", detail: t("state.expired") })
      : problem;
  for (const job of ofTask(task)) change(job, { state: "failed", problem: known });
}

/** Read a job again, or at last. */
export function retry(job, values = {}) {
  change(job, { ...unread(), state: "waiting", ...values });
}

/** Read those pages of a document again that failed, with what lies between them; the others stay. */
export function retryPages(job) {
  const numbers = failedPages(job).map((item) => item.page);
  const [first, last] = [Math.min(...numbers), Math.max(...numbers)];
  const isApart = ({ page }) => page < first || page > last;
  const kept = allItems(job).filter((item) => isSuccess(item) && isApart(item));
  retry(job, { pages: first === last ? `${first}` : `${first}-${last}`, kept });
}

/** Stop reading a job. What was read in it stays. */
export function cancel(job) {
  const { task } = job;
  const abort = aborts.get(job.id);
  change(job, { state: "cancelled" });
  abort?.abort();
  if (task && !ofTask(task).length) endTask(task);
}

function endTask(task) {
  call(`/tasks/${task}`, { method: "DELETE" }).catch(() => {}); // it ends by itself, a little later
}
