// What the page says. The words are in translations/*.json, where templates find them, too.
import words, { languages } from "../../words.js";

export const language = document.documentElement.lang;
const index = languages.indexOf(language);

/** What `key` says in the page's language; `{name}` in it becomes values.name. */
export function t(key, values = {}) {
  const said = words[key]?.[index] ?? key;
  return said.replaceAll(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}

/** Whether there is something to say in the page's language. */
export function knows(key) {
  return Boolean(words[key]?.[index]);
}

const number = new Intl.NumberFormat(language, { maximumFractionDigits: 1 });
const dateTime = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short" });

const languageNames = new Intl.DisplayNames(language, { type: "language" });
export const formatLanguage = (code) => languageNames.of(code);
export const formatNumber = (value) => number.format(value);
export const formatPercent = (share) => `${number.format(Math.floor(share * 1000) / 10)} %`;
export const formatTime = (text) => dateTime.format(new Date(text));

export function formatBytes(bytes) {
  return bytes < 1e6
    ? `${number.format(Math.max(bytes / 1000, 0.1))} kB`
    : `${number.format(bytes / 1e6)} MB`;
}
