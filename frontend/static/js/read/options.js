// How images are to be read: the model among those of the service, and the options. Kept for the next visit.
import { element } from "../shared/dom.js";
import { t } from "../shared/i18n.js";
import { factsOf, fillChoice, findModel, modelLabel } from "../shared/models.js";
import { models } from "./confidence.js";

const STORED = "ocr-options";
const DEFAULTS = { model: "", mode: "auto", allowlist: "", pages: "", pdf_text: false, fields: "" };

const form = () => element("options").querySelector("form");
let known = []; // models

/** Those that are not the service's own defaults, as it wants them. */
export function chosenOptions() {
  const chosen = {};
  for (const [name, value] of Object.entries(DEFAULTS)) {
    const given = valueOf(form().elements[name]);
    if (given !== value && form().elements[name].validity.valid) chosen[name] = String(given);
  }
  return chosen;
}

/** The options that a record was read with, in the order and form of those that are chosen. */
export function optionsOf({ options = {} }) {
  const names = Object.keys({ ...DEFAULTS, ...options }).filter((name) => name in options);
  return Object.fromEntries(names.map((name) => [name, String(options[name])]));
}

const valueOf = (field) => (field.type === "checkbox" ? field.checked : field.value.trim());

/** onChange(): other options are chosen. */
export function listen(onChange) {
  const stored = JSON.parse(localStorage.getItem(STORED) ?? "{}");
  for (const [name, value] of Object.entries({ ...DEFAULTS, ...stored })) {
    const field = form().elements[name];
    if (field.type === "checkbox") field.checked = value === "true" || value === true;
    else if (name !== "model") field.value = value;
  }
  form().addEventListener("input", () => (changed(), onChange()));
  form().addEventListener("submit", (event) => event.preventDefault());
  fillModels(stored.model ?? "").then(onChange);
  summarize();
}

function changed() {
  localStorage.setItem(STORED, JSON.stringify(chosenOptions()));
  summarize();
}

async function fillModels(wanted) {
  const answer = await models().catch(() => null);
  known = answer?.models ?? [];
  fillChoice(element("model"), known, findModel(known, wanted));
  summarize();
}

/** What is chosen, in a few words, for when the options are folded away; and on the model in small print. */
function summarize() {
  const { name } = chosenModel() ?? {};
  element("model-about").textContent = name ? factsOf(chosenModel()) : "";
  element("options-summary").textContent = describe();
}

const chosenModel = () => {
  const name = element("model").value;
  return known.find((one) => one.name === name || (!name && one.default));
};

/** The options that are chosen, in a few words. */
export function describe() {
  const model = chosenModel() && modelLabel(known, chosenModel());
  return [model, describeOthers(chosenOptions())].filter(Boolean).join(" · ");
}

/** Those but for the model, as far as the page offers them. */
export function describeOthers({ model: _, ...others } = {}) {
  const offered = Object.entries(others).filter(([name]) => name in DEFAULTS);
  return offered.map(([name, value]) => describeOption(name, value)).join(" · ");
}

function describeOption(name, value) {
  if (name === "mode" || name === "fields") return t(`options.${name}.${value}`);
  return value === "true" ? t(`options.${name}`) : `${t(`options.${name}`)}: ${value}`;
}
