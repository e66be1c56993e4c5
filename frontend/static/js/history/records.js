// The records on the page: newest first, by day.
import { icon, make } from "../shared/dom.js";
import { formatNumber, formatPercent, formatTime, t } from "../shared/i18n.js";
import { formatAgo, formatClock, nameDay } from "./days.js";
import { excerpt, firstLine } from "./excerpt.js";
import { thumbnail } from "./thumbnails.js";

export const nameOf = (record) => record.name || firstLine(record) || t("history.no-text");

/** A list in `place`. actions: open(record, button), remove(record). */
export function createRecords(place, actions) {
  const items = new Map(); // by id
  let records = [];

  function append(more, sought) {
    records.push(...more);
    for (const record of more) {
      const item = items.get(record.id) ?? makeItem(record, sought, actions);
      items.set(record.id, item);
      item.querySelector(".ago").textContent = formatAgo(new Date(record.timestamp));
      listOfDay(place, record).append(item);
    }
  }

  const visible = () => records.filter(({ id }) => !items.get(id).hidden);

  return {
    append,
    visible,

    clear() {
      records = [];
      items.clear();
      place.replaceChildren();
    },

    /** Put the newest page before what is shown of older ones; false, without them, if it does not reach so far. */
    renew(page, sought, isLast) {
      const last = isLast ? -1 : records.findIndex(({ id }) => id === page.at(-1)?.id);
      const older = last < 0 ? [] : records.slice(last + 1);
      records = [];
      place.replaceChildren();
      append([...page, ...older], sought);
      return last >= 0;
    },

    /** Hide those that isHidden(record), and days without others. */
    hide(isHidden) {
      for (const record of records) items.get(record.id).hidden = isHidden(record);
      for (const day of place.children) day.hidden = !day.querySelector("li:not([hidden])");
    },

    drop(isGone) {
      for (const { id } of records.filter(isGone)) {
        items.get(id).remove();
        items.delete(id);
      }
      records = records.filter(({ id }) => items.has(id));
    },

    /** The one that takes the place of `record` when it goes. */
    neighbour(record) {
      const others = visible();
      const at = others.indexOf(record);
      return others[at + 1] ?? others[at - 1];
    },

    /** Whether the focus could be moved to the record of this id. */
    focus(id) {
      const button = items.get(id)?.querySelector(".open");
      button?.focus();
      return button !== undefined && document.activeElement === button;
    },
  };
}

/** The list of a record's day, which is the last one or a new one. */
function listOfDay(place, record) {
  const date = new Date(record.timestamp);
  const id = `history-${date.getFullYear()}-${date.getMonth() + 1}-${date.getDate()}`;
  if (place.lastElementChild?.getAttribute("aria-labelledby") !== id) {
    const heading = make("h2", { id }, nameDay(date));
    place.append(make("section.day", { "aria-labelledby": id }, heading, make("ol")));
  }
  return place.lastElementChild.lastElementChild;
}

function makeItem(record, sought, { open, remove }) {
  const title = nameOf(record);
  const opener = make(
    "button.quiet.open",
    { type: "button", "aria-label": t("history.open.name", { title }), onclick: () => open(record, opener) },
    t("history.open"),
  );
  const remover = make(
    "button.quiet.square.danger",
    { type: "button", "aria-label": t("history.delete.name", { title }), onclick: () => remove(record) },
    icon("trash"),
  );
  return make(
    "li.record.card",
    { "data-id": record.id },
    thumbnail(record),
    make("div.said", {}, named(record, sought), make("p.excerpt", {}, ...said(record, sought)), facts(record)),
    make("div.actions", {}, opener, remover),
  );
}

/** The file's name; older records have none. */
function named({ name }, sought) {
  return name && make("p.name", { title: name }, ...excerpt(name, sought));
}

function said({ text }, sought) {
  return text ? excerpt(text, sought) : [make("i.soft", {}, t("history.no-text"))];
}

function facts(record) {
  const { timestamp, mean_confidence: confidence, model, width, height } = record;
  const time = { datetime: timestamp, title: formatTime(timestamp) };
  const clock = formatClock(new Date(timestamp));
  return make(
    "p.about.soft",
    {},
    make("time", time, `${clock} · `, make("span.ago")),
    make("span", {}, model),
    typeof confidence === "number" && figure("history.confidence", formatPercent(confidence)),
    record.page_count > 1
      ? make("span", {}, t("history.pages", { count: formatNumber(record.page_count) }))
      : figure("history.size", `${formatNumber(width)} × ${formatNumber(height)}`),
    record.corrected_lines > 0 && correctedMark(record.corrected_lines),
  );
}

function correctedMark(count) {
  const words = count === 1 ? t("history.corrected.one") : t("history.corrected", { count: formatNumber(count) });
  return make("span.badge.good.corrected-mark", {}, icon("check"), words);
}

/** What a bare figure is, for those who point at it or hear it. */
function figure(key, value) {
  return make("span", { title: t(key) }, make("span.unseen", {}, `${t(key)} `), value);
}
