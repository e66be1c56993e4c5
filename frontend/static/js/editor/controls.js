// The controls of the editor: what they look like, and which edit each one is.
import { icon, make } from "../shared/dom.js";
import { formatNumber, t } from "../shared/i18n.js";

const SLIDERS = {
  angle: { min: -15, max: 15, step: 0.1, unit: "°", label: t("editor.angle") },
  contrast: { min: -100, max: 100, step: 1, unit: "", label: t("editor.contrast") },
  brightness: { min: -100, max: 100, step: 1, unit: "", label: t("editor.brightness") },
  offset: { min: -100, max: 100, step: 1, unit: "", label: t("editor.offset") },
  window: { min: 1, max: 50, step: 1, unit: " %", label: t("editor.window") },
};

/** A slider with its value as text. `onInput(value)` follows it, `onChange(value)` is where it stops. */
export function makeSlider(name, { onInput, onChange }) {
  const { unit, label, ...range } = SLIDERS[name];
  const id = `editor-${name}`;
  const shown = make("span.value", { "aria-hidden": "true" }); // an <output> would be read out as well
  const input = make("input", {
    type: "range", id, ...range,
    oninput: () => (say(), onInput(value())),
    onchange: () => onChange(value()),
  });
  const value = () => Number(input.value);
  const say = () => {
    const words = `${value() > 0 && range.min < 0 ? "+" : ""}${formatNumber(value())}${unit}`;
    shown.textContent = words;
    input.setAttribute("aria-valuetext", words);
  };
  const set = (next) => {
    input.value = next;
    say();
  };
  return { row: make("div.slider", {}, make("label", { for: id }, label), input, shown), set };
}

/** Radio buttons side by side. `choices` are [value, label] pairs. */
export function makeChoice(name, legend, choices, onChange) {
  const inputs = choices.map(([value, label]) => {
    const onchange = () => onChange(value);
    const input = make("input", { type: "radio", name: `editor-${name}`, value, onchange });
    return [value, input, make("label.segment", {}, input, make("span", {}, label))];
  });
  const labels = inputs.map(([, , label]) => label);
  const row = make("fieldset.segments", {}, make("legend", {}, legend), ...labels);
  const set = (chosen) => inputs.forEach(([value, input]) => (input.checked = value === chosen));
  return { row, set };
}

/** A button that is a sign; its words are its name. */
export function makeSign(sign, label, onclick) {
  const words = { "aria-label": label, title: label };
  return make("button.quiet.square", { type: "button", ...words, onclick }, icon(sign));
}

/** A button with a sign and words. */
export function makeButton(selector, sign, label, onclick) {
  return make(selector, { type: "button", onclick }, sign && icon(sign), label);
}
