// What a receipt or an invoice says, as a table of fields; each lights its lines in the picture.
import { element, icon, make } from "../shared/dom.js";
import { formatPercent, knows, t } from "../shared/i18n.js";

/** onPoint(lines or null): fields of these lines, by their place in the answer, are looked at; onPick(line). */
export function createFields({ onPoint, onPick }) {
  const place = element("fields-tables");
  const linesOf = (target) => target.closest?.("[data-lines]")?.dataset.lines.split(",").map(Number) ?? null;
  for (const event of ["pointerover", "focusin"]) {
    place.addEventListener(event, ({ target }) => onPoint(linesOf(target)));
  }
  for (const event of ["pointerleave", "focusout"]) place.addEventListener(event, () => onPoint(null));
  place.addEventListener("click", ({ target }) => {
    if (target.closest("button")) onPick(linesOf(target)[0]);
  });

  return {
    /** fields: of an answer, or undefined where none were asked for. */
    show(fields) {
      const tab = element("tab-fields");
      tab.hidden = !fields;
      if (!fields && tab.getAttribute("aria-selected") === "true") element("tab-text").click();
      place.replaceChildren(...(fields ? tables(fields) : []));
    },
  };
}

/** The values of fields as rows with tabs, as spreadsheets take them. */
export function asRows({ kind, items, ...fields }) {
  const row = (cells) => cells.map((cell) => cell.replaceAll(/\s+/g, " ")).join("\t");
  const single = Object.entries(fields).map(([name, field]) => row([nameOf(name), shown(name, field)]));
  const columns = Object.keys(items[0] ?? {});
  const several = items.map((item) => row(columns.map((name) => shown(name, item[name]))));
  return [row([t("fields.kind"), t(`fields.kind.${kind}`)]), ...single, row(columns.map(nameOf)), ...several]
    .filter(Boolean)
    .join("\n");
}

const nameOf = (name) => t(`fields.${name}`);

/** The value as it is shown; some are words of ours. */
function shown(name, field) {
  if (!field) return "";
  return knows(`fields.${name}.${field.value}`) ? t(`fields.${name}.${field.value}`) : field.value;
}

function tables({ kind, items, ...fields }) {
  const rows = Object.entries(fields).map(([name, field]) => fieldRow(name, field));
  const heads = ["field", "value", "confidence"].map((name) => t(`fields.head.${name}`));
  const found = [table(t(`fields.kind.${kind}`), heads, rows)];
  if (!items.length) return found;
  const columns = Object.keys(items[0]);
  const itemRows = items.map((item) => make("tr", {}, ...columns.map((name) => itemCell(name, item[name]))));
  return [...found, table(t("fields.items"), columns.map(nameOf), itemRows)];
}

function table(caption, heads, rows) {
  const cells = heads.map((head) => make("th", { scope: "col" }, head));
  return make(
    "table",
    {},
    make("caption", {}, caption),
    make("thead", {}, make("tr", {}, ...cells)),
    make("tbody", {}, ...rows),
  );
}

function fieldRow(name, field) {
  if (!field) {
    const none = make("td.soft", { colspan: 2 }, t("fields.unsure"));
    return make("tr", {}, make("th", { scope: "row" }, nameOf(name)), none);
  }
  const button = make("button.quiet", { type: "button", title: t("fields.show") }, nameOf(name));
  const value = shown(name, field);
  const isOther = field.text !== value;
  return make(
    "tr",
    { "data-lines": field.lines.join() },
    make("th", { scope: "row" }, button),
    make(
      "td",
      {},
      make("div.value", { dir: "auto" }, value),
      isOther && make("div.soft.small", { dir: "auto" }, t("fields.as_written", { text: field.text })),
      ...Object.entries(field.checks ?? {}).map(check),
    ),
    make("td.share", {}, formatPercent(field.confidence)),
  );
}

function itemCell(name, field) {
  return make("td", field ? { dir: "auto", "data-lines": field.lines.join() } : {}, shown(name, field));
}

/** In words, with a sign for the eye. */
function check([name, holds]) {
  const words = t(`fields.check.${name}.${holds ? "yes" : "no"}`);
  return make(`div.check-result.${holds ? "holds" : "fails"}`, {}, icon(holds ? "check" : "close"), words);
}
