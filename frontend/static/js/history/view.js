// The history: what was read, newest first; searched, opened again, deleted, exported.
import { Problem, call, send } from "../shared/api.js";
import { element } from "../shared/dom.js";
import { areNone, conditions, keepConditions, offerModel, restoreConditions } from "./conditions.js";
import { createDeletions } from "./deletions.js";
import { offerExport } from "./export.js";
import { createPages } from "./pages.js";
import { createRecords, nameOf } from "./records.js";
import { askToDelete, deletionOf } from "./bulk_deletion.js";
import { formatNumber, t } from "../shared/i18n.js";
import { notify } from "../shared/notices.js";
import { openRecord } from "../read/view.js";

const TYPING_MS = 300;
const AHEAD = "600px"; // older records are asked for before the end is in sight

const focusTitle = () => element("history-title").focus();

export function mount(section) {
  const records = createRecords(element("history-list"), { open: openAgain, remove });
  const deletions = createDeletions({ changed: show, carriedOut });
  const pages = createPages(records, show);
  const view = { records, deletions, pages };
  const ahead = loadAhead(view);
  let scrolled = 0;

  function show() {
    records.hide(deletions.covers);
    showStanding(view);
    ahead.look();
  }

  function remove(record) {
    const next = records.neighbour(record);
    deletions.add(record, nameOf(record), (id) => records.focus(id) || focusTitle());
    if (!records.focus(next?.id)) focusTitle();
  }

  function carriedOut(deletion) {
    records.drop(deletion.covers);
    if (deletion.isSweeping) pages.refresh();
  }

  restoreConditions();
  listenToConditions(pages);
  listenToDeletion(section, view);
  offerExport(pages.wanted);
  offerModels();
  pages.search(conditions());
  return {
    shown() {
      if (!pages.isLoading()) pages.refresh();
      scrollTo(0, scrolled);
    },
    hidden: () => (scrolled = scrollY),
  };
}

/** Those that are installed; those that only old records name are offered when these come. */
async function offerModels() {
  const { models } = await call("/models").catch(() => ({ models: [] }));
  models.forEach(({ name }) => offerModel(name));
}

async function openAgain(record, button) {
  button.setAttribute("aria-busy", "true");
  try {
    const answer = await call(`/history/${record.id}`);
    const blob = answer.has_image ? await (await send(`/history/${record.id}/image`)).blob() : null;
    await goTo("#read"); // first: what is hidden has no size to fit an image to
    openRecord({ name: nameOf(record), answer: { ...answer, history_id: answer.id }, blob });
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem;
    notify(problem.sentence, { bad: true });
  } finally {
    button.removeAttribute("aria-busy");
  }
}

/** Resolves when the view is there. */
function goTo(hash) {
  if (location.hash === hash) return null;
  return new Promise((resolve) => {
    addEventListener("hashchange", resolve, { once: true });
    location.hash = hash;
  });
}

/** How things stand: what is said under the list, and which buttons make sense. */
function showStanding({ records, deletions, pages }) {
  const count = records.visible().length;
  const standing = nameStanding(count, pages, deletions);
  const hasMore = pages.hasMore() && !deletions.isSweeping();
  const [status, sentence] = [element("history-status"), say(standing, count, pages)];
  if (status.textContent !== sentence) status.textContent = sentence; // what is said is read out
  element("history-end").dataset.standing = standing;
  element("history-more").hidden = !hasMore || standing === "problem";
  element("history-again").hidden = standing !== "problem";
  element("history-widen").hidden = standing !== "none" && standing !== "order";
  element("history-read").hidden = standing !== "empty";
  element("history-delete").disabled = count === 0;
  element("history-reset").disabled = areNone(pages.wanted());
  const deletion = areNone(pages.wanted()) ? "history.delete.all" : "history.delete.matching";
  element("history-delete").lastElementChild.textContent = t(deletion);
}

function nameStanding(count, pages, deletions) {
  const { from, to } = pages.wanted();
  if (pages.problem()) return "problem";
  if (pages.isLoading()) return "loading";
  if (count || (pages.hasMore() && !deletions.isSweeping())) return "list";
  if (areNone(pages.wanted())) return "empty";
  return from && to && from > to ? "order" : "none";
}

function say(standing, count, pages) {
  if (standing === "problem") return pages.problem().sentence;
  if (standing !== "list") return t(`history.${standing}`);
  if (pages.hasMore()) return t("history.count", { count: formatNumber(count) });
  return count === 1 ? t("history.count.one") : t("history.count.all", { count: formatNumber(count) });
}

/** Asks for older records as the end of the list comes near; look() makes sure that it is noticed. */
function loadAhead({ records, deletions, pages }) {
  const more = element("history-more");
  const observer = new IntersectionObserver(
    (entries) => {
      if (entries.at(-1).isIntersecting && !pages.isLoading() && !pages.problem()) pages.loadMore();
    },
    { rootMargin: AHEAD },
  );
  more.addEventListener("click", async () => {
    const last = records.visible().at(-1);
    await pages.loadMore();
    records.focus(records.neighbour(last)?.id);
  });
  return {
    look() {
      observer.unobserve(more);
      if (!deletions.isSweeping()) observer.observe(more);
    },
  };
}

/** Searches as the conditions change, at once where nobody types. */
function listenToConditions(pages) {
  const form = element("history-conditions");
  let typing = null;
  const search = () => {
    clearTimeout(typing);
    keepConditions(conditions());
    pages.search(conditions());
  };
  form.addEventListener("input", () => {
    clearTimeout(typing);
    typing = setTimeout(search, TYPING_MS);
  });
  form.addEventListener("submit", (event) => (event.preventDefault(), search()));
  form.addEventListener("reset", () => setTimeout(() => (search(), form.elements.q.focus())));
  element("history-widen").addEventListener("click", () => form.reset());
  element("history-again").addEventListener("click", () => (focusTitle(), pages.tryAgain()));
}

function listenToDeletion(section, { records, deletions, pages }) {
  element("history-delete").addEventListener("click", async () => {
    const [wanted, newest] = [pages.wanted(), records.visible()[0]];
    const count = pages.hasMore() ? null : records.visible().length;
    if (!(await askToDelete(wanted, count))) return;
    deletions.begin(deletionOf(wanted, newest, focusTitle));
    focusTitle();
  });
  document.addEventListener("keydown", (event) => {
    const isUndo = (event.ctrlKey || event.metaKey) && !event.shiftKey && event.key === "z";
    if (!isUndo || section.hidden || event.target.closest("input, select, dialog")) return;
    if (deletions.undo()) event.preventDefault();
  });
}
