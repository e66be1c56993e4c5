// Which records are wanted: the fields above the list, as the service takes them. The tab remembers them.
import { element, make } from "../shared/dom.js";
import { t } from "../shared/i18n.js";
import { formatDay } from "./days.js";
import { findAll } from "./excerpt.js";

const KEPT = "ocr-history-conditions";
const NAMES = ["q", "from", "to", "model"];

const form = () => element("history-conditions");

/** { q, from, to, model } as they stand in the fields; from and to are days, both included. */
export function conditions() {
  const { elements } = form();
  return Object.fromEntries(NAMES.map((name) => [name, elements[name].value.trim()]));
}

export const areNone = (wanted) => NAMES.every((name) => !wanted[name]);

export function keepConditions(wanted) {
  sessionStorage.setItem(KEPT, JSON.stringify(wanted));
}

/** Fill the fields with what the tab remembers. */
export function restoreConditions() {
  const kept = JSON.parse(sessionStorage.getItem(KEPT) ?? "{}");
  if (kept.model) offerModel(kept.model);
  for (const name of NAMES) form().elements[name].value = kept[name] ?? "";
}

/** Let a model be chosen; of old ones only their records tell. */
export function offerModel(name) {
  const { model } = form().elements;
  const isThere = [...model.options].some((option) => option.value === name);
  if (!isThere) model.append(make("option", { value: name }, name));
}

/** The beginning of a day here, so many days later. */
function startOf(day, later = 0) {
  const start = new Date(`${day}T00:00`);
  start.setDate(start.getDate() + later);
  return start;
}

export function asQuery({ q, from, to, model }) {
  const query = new URLSearchParams();
  if (q) query.set("q", q);
  if (from) query.set("since", startOf(from).toISOString());
  if (to) query.set("until", startOf(to, 1).toISOString());
  if (model) query.set("model", model);
  return query;
}

/** Whether a record is among those wanted: for what the service, which decides, has not been asked yet. */
export function meets(record, { q, from, to, model }) {
  const time = new Date(record.timestamp);
  return (
    (!q || [record.text, record.name ?? ""].some((part) => findAll(part, q).length > 0)) &&
    (!from || time >= startOf(from)) &&
    (!to || time < startOf(to, 1)) &&
    (!model || record.model === model)
  );
}

/** The conditions as phrases. */
export function describe({ q, from, to, model }) {
  return [
    q && t("history.ask.q", { q }),
    from && t("history.ask.from", { day: formatDay(startOf(from)) }),
    to && t("history.ask.to", { day: formatDay(startOf(to)) }),
    model && t("history.ask.model", { model }),
  ].filter(Boolean);
}
