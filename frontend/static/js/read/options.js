// How images are to be read: the model among those of the service, and the options. Kept for the next visit.
import { call, patiently } from "../shared/api.js";
import { element } from "../shared/dom.js";
import { formatLanguage, formatNumber, t } from "../shared/i18n.js";
import { findModel } from "../shared/models.js";

const STORED = "ocr-options";
const DEFAULTS = { model: "", mode: "auto", allowlist: "", pages: "", pdf_text: false };

const form = () => element("options").querySelector("form");
let models = [];

/** Those that are not the service's own defaults, as it wants them. */
export function chosenOptions() {
  const chosen = {};
  for (const [name, value] of Object.entries(DEFAULTS)) {
    const given = valueOf(form().elements[name]);
    if (given !== value && form().elements[name].validity.valid) chosen[name] = String(given);
  }
  return chosen;
}

const valueOf = (field) => (field.type === "checkbox" ? field.checked : field.value.trim());

export function listen() {
  const stored = JSON.parse(localStorage.getItem(STORED) ?? "{}");
  for (const [name, value] of Object.entries({ ...DEFAULTS, ...stored })) {
    const field = form().elements[name];
    if (field.type === "checkbox") field.checked = value === "true" || value === true;
    else if (name !== "model") field.value = value;
  }
  form().addEventListener("input", changed);
  form().addEventListener("submit", (event) => event.preventDefault());
  fillModels(stored.model ?? "");
  summarize();
}

function changed() {
  localStorage.setItem(STORED, JSON.stringify(chosenOptions()));
  summarize();
}

async function fillModels(wanted) {
  const answer = await patiently(() => call("/models")).catch(() => null);
  models = answer?.models ?? [];
  const choices = models.map((model) => {
    const label = model.default ? t("options.model.default", { name: model.name }) : model.name;
    return new Option(label, model.default ? "" : model.name);
  });
  element("model").replaceChildren(...choices);
  const found = findModel(models, wanted);
  element("model").value = found && !found.default ? found.name : "";
  summarize();
}

/** What is chosen, in a few words, for when the options are folded away. */
function summarize() {
  const name = element("model").value;
  const model = models.find((one) => one.name === name || (!name && one.default));
  const { languages = [], parameters } = model?.about ?? {};
  const named = languages.map(formatLanguage).join(", ");
  const size = parameters && formatNumber(parameters / 1e6);
  element("model-about").textContent = size
    ? t("options.model.about", { languages: named, parameters: size })
    : named;
  const others = Object.entries(chosenOptions()).filter(([key]) => key !== "model");
  const parts = [model?.name, ...others.map(([key, value]) => (value === "true" ? key : `${key}: ${value}`))];
  element("options-summary").textContent = parts.filter(Boolean).join(" · ");
}
