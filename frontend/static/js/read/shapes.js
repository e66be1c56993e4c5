// The shape in which text is copied and saved as text: lines are available here, the service makes the others.
import { patiently, send } from "../shared/api.js";
import { element } from "../shared/dom.js";

const SHAPE = "ocr-shape";

export function listen() {
  const choice = element("shape");
  choice.value = localStorage.getItem(SHAPE) ?? "lines";
  if (!choice.value) choice.value = "lines";
  choice.addEventListener("change", () => localStorage.setItem(SHAPE, choice.value));
}

export const isLines = () => element("shape").value === "lines";
export const shape = () => ({ format: "txt", text_format: element("shape").value });

/** The text of answers, [{ name, answer }], in the shape that is chosen. */
export async function shaped(found) {
  if (isLines()) return found.map(({ answer }) => answer.text).join("\n\n");
  const response = await patiently(() => render(shape(), found));
  return (await response.text()).replace(/\n$/, "");
}

/** The service's file of answers; `images` has their files, where it needs them. */
export function render(fields, found, images = []) {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.append(name, value);
  form.append("answers", JSON.stringify(found.map(({ name, answer }) => ({ name, answer }))));
  for (const { file, name } of images) form.append("image", file, name);
  return send("/render", { method: "POST", body: form });
}
