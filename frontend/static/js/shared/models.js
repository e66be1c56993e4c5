// The models that GET /models lists, and what they are called here.
import { formatLanguage, formatNumber, t } from "./i18n.js";

const LANGUAGES_NAMED = 4;

/** The one of this name; else the one that took the place of a former model of this name; undefined if none did. */
export const findModel = (models, name) =>
  models.find((model) => model.name === name) ?? models.find((model) => model.aliases.includes(name));

/**
 * What a model is good for, in a word: one for English alone, the one that chooses for each line who reads it, the
 * largest and the smallest of the others. Its name where that tells nothing.
 */
export function modelLabel(models, model) {
  const kind = kindOf(models, model);
  return kind ? t(`model.${kind}`) : model.name;
}

function kindOf(models, model) {
  const isEnglish = ({ about }) => about.languages?.join() === "en";
  if (isEnglish(model)) return "english";
  if (isCascade(models, model)) return "auto";
  const others = models.filter((one) => !isEnglish(one) && !isCascade(models, one));
  const sizes = others.map(({ about }) => about.parameters).sort((a, b) => a - b);
  if (sizes.length < 2 || !sizes.every(Boolean)) return null;
  if (model.about.parameters === sizes.at(-1)) return "accurate";
  return model.about.parameters === sizes[0] ? "fast" : null;
}

/** Whether it is made of two others: its facts are those of the larger one. */
const isCascade = (models, { name, about }) =>
  Boolean(about.cascade) &&
  models.some((other) => other.name !== name && other.about.cascade) &&
  name === "auto";

/** Its name, languages and size, for small print. */
export function factsOf({ name, about: { languages = [], parameters } }) {
  const named = languages.slice(0, LANGUAGES_NAMED).map(formatLanguage);
  const more = languages.length - named.length;
  const size = parameters && t("model.size", { parameters: formatNumber(parameters / 1e6) });
  return [name, named.join(", ") + (more > 0 ? t("model.more", { count: more }) : ""), size]
    .filter(Boolean)
    .join(" · ");
}

/** Make a <select> offer the models, the service's own choice as ""; `chosen` is selected. */
export function fillChoice(select, models, chosen) {
  const options = models.map((model) => {
    const label = `${modelLabel(models, model)} (${model.name})`;
    return new Option(label, model.default ? "" : model.name);
  });
  select.replaceChildren(...options);
  select.value = chosen && !chosen.default ? chosen.name : "";
}
