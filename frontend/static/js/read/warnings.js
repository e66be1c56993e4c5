// The service warns in English: translations/warnings.json has its sentences, with what varies in braces.
import words from "../../words.js";
import { t } from "../shared/i18n.js";

const known = Object.entries(words)
  .filter(([key]) => key.startsWith("warning."))
  .map(([key, [english]]) => [key, pattern(english)]);

function pattern(sentence) {
  const literal = sentence.replaceAll(/[.()?]/g, String.raw`\$&`);
  return new RegExp(`^${literal.replaceAll(/\{(\w+)\}/g, "(?<$1>.+)")}$`, "s");
}

/** A warning of an answer in the page's language; as it is, if it is not known. */
export function describeWarning(warning) {
  for (const [key, sentence] of known) {
    const found = sentence.exec(warning);
    if (!found) continue;
    const values = { ...found.groups };
    if (values.warning) values.warning = describeWarning(values.warning);
    return t(key, values);
  }
  return warning;
}
