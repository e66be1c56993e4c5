// Deleting all that is wanted: the question before, and what is deleted.
import { element, make } from "../shared/dom.js";
import { formatNumber, t } from "../shared/i18n.js";
import { areNone, asQuery, describe, meets } from "./conditions.js";

/** Ask whether to delete all that is wanted; `count` is null where it is not known. */
export function askToDelete(wanted, count) {
  const dialog = element("history-dialog");
  element("history-question").textContent = question(wanted, count);
  element("history-which").replaceChildren(...describe(wanted).map((phrase) => make("li", {}, phrase)));
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "delete"), { once: true });
  });
}

function question(wanted, count) {
  if (count === 1) return t("history.ask.one");
  if (count !== null) return t("history.ask.many", { count: formatNumber(count) });
  return t(areNone(wanted) ? "history.ask.all" : "history.ask.matching");
}

/** The deletion of all that is wanted. What was read after `newest`, nobody had seen: it stays. */
export function deletionOf(wanted, newest, takenBack) {
  const until = new Date(Date.parse(newest.timestamp) + 1);
  return {
    isSweeping: true,
    covers: (record) => new Date(record.timestamp) < until && meets(record, wanted),
    query() {
      const query = asQuery(wanted);
      query.set("until", until.toISOString());
      return query;
    },
    sentence: () => t(areNone(wanted) ? "history.deleted.all" : "history.deleted.matching"),
    takenBack,
  };
}
