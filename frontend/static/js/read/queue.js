// The list of files: how far each is, and what can be done about it.
import { element, icon, make } from "../shared/dom.js";
import { formatBytes, formatPercent, t } from "../shared/i18n.js";
import { allItems, ENDED, events, isSuccess, jobs, progress, remove, restore } from "./jobs.js";
import { notify } from "../shared/notices.js";
import { cancel, retry } from "./uploads.js";

const rows = new Map(); // by job id: { row, name, state, bar, actions, … }
let selected = null;
let onSelect = () => {};

export function listen(select) {
  onSelect = select;
  events.addEventListener("added", ({ detail: job }) => addRow(job));
  events.addEventListener("changed", ({ detail: job }) => update(job));
  events.addEventListener("removed", ({ detail: job }) => removeRow(job));
  listenToArrows();
  element("clear").addEventListener("click", clear);
  element("cancel-all").addEventListener("click", () => unfinished().forEach(cancel));
  element("retry-failed").addEventListener("click", () => failed().forEach((job) => retry(job)));
}

const unfinished = () => [...jobs.values()].filter((job) => !ENDED.has(job.state));
const failed = () => [...jobs.values()].filter((job) => job.state === "failed");

/** Show which job is looked at. */
export function mark(job) {
  rows.get(selected?.id)?.open.removeAttribute("aria-current");
  selected = job;
  rows.get(job?.id)?.open.setAttribute("aria-current", "true");
}

/** Look at the next file, or with -1 at the one before; false: there is none. */
export function step(by) {
  const all = [...element("jobs").querySelectorAll(".open")];
  const next = all[all.indexOf(rows.get(selected?.id)?.open) + by];
  if (!next) return false;
  next.focus();
  next.click();
  return true;
}

function listenToArrows() {
  element("jobs").addEventListener("keydown", (event) => {
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (by && event.target.matches(".open") && step(by)) event.preventDefault();
  });
}

function addRow(job) {
  const state = make("span.state.small");
  const bar = make("progress", { max: 1, value: 0, "aria-label": job.name });
  const name = make("span.name", {}, job.name);
  const open = make(
    "button.open.quiet",
    { type: "button", onclick: () => onSelect(job) },
    thumbnail(job),
    make("span.what", {}, name, state),
  );
  const actions = make("div.actions");
  const row = make("li", {}, open, actions, bar);
  rows.set(job.id, { row, state, bar, open, actions, shown: null });
  const next = [...jobs.keys()].filter((id) => id > job.id && rows.has(id)).sort()[0];
  element("jobs").insertBefore(row, next ? rows.get(next).row : null);
  update(job);
}

function thumbnail(job) {
  if (job.kind !== "image" || !job.blob)
    return make("span.thumbnail", {}, icon(job.state === "refused" ? "alert" : "file"));
  const url = URL.createObjectURL(job.blob);
  const done = () => URL.revokeObjectURL(url);
  return make("img.thumbnail", {
    src: url,
    alt: "",
    decoding: "async",
    loading: "lazy",
    onload: done,
    onerror: done,
  });
}

function removeRow(job) {
  rows.get(job.id)?.row.remove();
  rows.delete(job.id);
  summarize();
}

function update(job) {
  const parts = rows.get(job.id);
  if (!parts) return;
  const isEnded = ENDED.has(job.state);
  parts.row.dataset.state = job.state;
  parts.state.textContent = saying(job);
  parts.bar.hidden = isEnded;
  if (job.state === "reading" && job.items.length <= 1 && !isQueued(job)) parts.bar.removeAttribute("value");
  else parts.bar.value = progress(job);
  if (parts.shown !== job.state) parts.actions.replaceChildren(...actionsFor(job));
  parts.shown = job.state;
  summarize();
}

/** With the service, and waiting for its turn there. */
const isQueued = (job) => job.items.length > 0 && job.items.every((item) => item.state === "pending");

function saying(job) {
  const items = allItems(job);
  const lines = items.filter(isSuccess).reduce((sum, item) => sum + item.result.lines.length, 0);
  const bad = items.filter((item) => item.state === "failure").length;
  const ended = job.items.filter((item) => !["pending", "running"].includes(item.state)).length;
  if (job.state === "done") {
    if (bad) return t(bad === 1 ? "state.done.partly.one" : "state.done.partly", { count: lines, failed: bad });
    if (!lines) return t("state.done.empty");
    return lines === 1 ? t("state.done.one") : t("state.done", { count: lines });
  }
  if (job.state === "sending") return t("state.sending", { percent: formatPercent(job.share) });
  if (job.state === "waiting") return `${t("state.waiting")} · ${formatBytes(job.size)}`;
  if (job.state === "reading" && isQueued(job)) return t("state.queued");
  if (job.state === "reading" && job.items.length > 1) {
    return t("state.reading_pages", { done: ended, total: job.items.length });
  }
  if (job.problem) return job.problem.sentence;
  return t(`state.${job.state}`);
}

function actionsFor(job) {
  const action = (name, key, run) =>
    make(
      "button.quiet.square",
      {
        type: "button",
        "aria-label": t(key, { name: job.name }),
        title: t(key, { name: job.name }),
        onclick: run,
      },
      icon(name),
    );
  const buttons = [];
  if (["failed", "cancelled"].includes(job.state) && job.blob)
    buttons.push(action("retry", "queue.retry", () => retry(job)));
  if (ENDED.has(job.state)) buttons.push(action("trash", "queue.remove", () => take(job)));
  else buttons.push(action("close", "queue.cancel", () => cancel(job)));
  return buttons;
}

function take(job) {
  const neighbour = rows.get(job.id).row.nextElementSibling ?? rows.get(job.id).row.previousElementSibling;
  remove(job);
  (neighbour?.querySelector(".open") ?? element("choose")).focus();
  const undo = { label: t("shell.undo"), run: () => restore(job) };
  notify(t("queue.removed", { name: job.name }), { action: undo, seconds: 8 });
}

function clear() {
  const all = [...jobs.values()];
  unfinished().forEach(cancel);
  all.forEach(remove);
  element("choose").focus();
  const undo = { label: t("shell.undo"), run: () => all.forEach(restore) };
  notify(t("queue.cleared"), { action: undo, seconds: 8 });
}

function summarize() {
  const all = [...jobs.values()];
  const open = unfinished();
  const total = all.reduce((sum, job) => sum + progress(job), 0);
  element("overall").value = all.length ? total / all.length : 0;
  element("overall").hidden = !open.length;
  element("queue-count").textContent = t("queue.count", {
    done: all.length - open.length,
    total: all.length,
  });
  element("cancel-all").hidden = !open.length;
  element("retry-failed").hidden = !failed().length;
}
