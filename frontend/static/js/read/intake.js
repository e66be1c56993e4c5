// The ways in: drop, chooser, folder, clipboard, address, camera, examples.
import { patiently, Problem, send } from "../shared/api.js";
import { takePhoto } from "../shared/camera.js";
import { listenToDrops } from "../shared/dropzone.js";
import { element } from "../shared/dom.js";
import { droppedFiles, inspect, named, sift } from "./files.js";
import { t } from "../shared/i18n.js";
import { add } from "./jobs.js";
import { notify } from "../shared/notices.js";
import { chosenOptions } from "./options.js";
import { unzip } from "./unzip.js";

const { dataset } = element("intake");
const limits = {
  imageMb: Number(dataset.imageMb),
  batchMb: Number(dataset.batchMb),
  maxMegapixels: Number(dataset.megapixels),
  fileTypes: JSON.parse(dataset.fileTypes),
};

/** Take these files in, each as a job; those that cannot be read say why. */
export async function takeIn(files, { isFolder = false } = {}) {
  let chosen = [...files];
  if (isFolder) {
    const { kept, others } = await sift(chosen, limits);
    chosen = kept;
    if (others.length) notify(t("get.left_out", { count: others.length, name: others[0].name }));
    else if (!kept.length) notify(t("get.nothing_there"), { bad: true });
  }
  const options = chosenOptions();
  const found = await Promise.all(chosen.map((file) => inspect(file, limits)));
  const parts = await Promise.all(chosen.map((file, number) => partsOf(file, found[number])));
  return parts.flat().map(({ file, kind, refusal }) => {
    const problem = refusal && new Problem({ code: "refused", detail: refusal });
    const state = refusal ? "refused" : "waiting";
    return add({ name: file.name, size: file.size, kind, blob: file, options, state, problem });
  });
}

/** A file with what it is; of a ZIP those in it that may have been meant, unless the service must open it. */
async function partsOf(file, found) {
  const inside = found.kind === "zip" && !found.refusal && (await unzip(file, limits));
  if (!inside) return [{ file, ...found }];
  const { kept } = await sift(inside, limits);
  if (!kept.length) return [{ file, ...found }];
  return Promise.all(kept.map(async (part) => ({ file: part, ...(await inspect(part, limits)) })));
}

export function listen() {
  listenToDrops({
    isShown: () => !element("view-read").hidden,
    mark: (isOver) => (element("drop-veil").hidden = !isOver),
    take: takeDrop,
  });
  addEventListener("paste", pasted);
  element("choose").addEventListener("click", () => element("files").click());
  element("choose-folder").addEventListener("click", () => element("folder").click());
  element("files").addEventListener("change", (event) => chosen(event.target, false));
  element("folder").addEventListener("change", (event) => chosen(event.target, true));
  element("paste").addEventListener("click", lookAtClipboard);
  element("camera").addEventListener("click", photograph);
  element("import").addEventListener("submit", (event) => {
    event.preventDefault();
    importFrom(withScheme(element("url").value.trim()));
  });
  for (const button of document.querySelectorAll("[data-example]")) {
    button.addEventListener("click", () => tryExample(button.dataset.example));
  }
}

function chosen(input, isFolder) {
  const files = [...input.files].map((file) => named(file, file.webkitRelativePath || file.name));
  input.value = ""; // the same file may be chosen again
  takeIn(files, { isFolder });
}

async function takeDrop(transfer) {
  const { files, isInFolder } = await droppedFiles(transfer);
  takeIn(files, { isFolder: isInFolder });
}

const isTyping = (target) =>
  target.matches?.("input:not([type=range], [type=checkbox]), textarea, [contenteditable]");
const withScheme = (text) => (/^[\w-]+(\.[\w-]+)+(:\d+)?\/\S*$/.test(text) ? `https://${text}` : text);
const isAddress = (text) => /^https?:\/\/\S+$/i.test(text);

function pasted(event) {
  if (element("view-read").hidden || document.querySelector("dialog[open]")) return;
  const files = [...event.clipboardData.files];
  const text = event.clipboardData.getData("text").trim();
  if (files.length) takeIn(files.map(screenshot));
  else if (isTyping(event.target)) return;
  else if (isAddress(text)) importFrom(text);
  else notify(t("get.paste.nothing"), { bad: true });
  event.preventDefault();
}

/** What has no name of its own is called by its kind and the time. */
function namedNow(key, ending) {
  return `${t(key)} ${new Date().toTimeString().slice(0, 8).replaceAll(":", "-")}.${ending}`;
}

/** Browsers call every pasted picture image.png. */
function screenshot(file) {
  if (file.name && file.name !== "image.png") return file;
  return named(file, namedNow("get.screenshot", file.type.split("/")[1] || "png"));
}

async function lookAtClipboard() {
  let items;
  try {
    items = await navigator.clipboard.read();
  } catch {
    notify(t("get.paste.refused"), { bad: true });
    return;
  }
  for (const item of items) {
    const kind = item.types.find((type) => type.startsWith("image/"));
    if (kind) return takeIn([screenshot(new File([await item.getType(kind)], "image.png", { type: kind }))]);
    if (!item.types.includes("text/plain")) continue;
    const text = (await (await item.getType("text/plain")).text()).trim();
    if (isAddress(text)) return importFrom(text);
  }
  notify(t("get.paste.nothing"), { bad: true });
}

async function importFrom(url) {
  element("url").value = url; // until it has come, nothing typed is lost
  const say = (sentence) => (element("import-problem").textContent = sentence);
  if (!isAddress(url)) return say(t("get.url.wrong"));
  say("");
  const notice = notify(t("get.importing", { url }), { seconds: 0 });
  try {
    const response = await patiently(() => send("/import", { method: "POST", json: { url } }));
    const blob = await response.blob();
    takeIn([new File([blob], nameIn(url), { type: blob.type })]);
    element("url").value = "";
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem;
    say(problem.sentence);
  } finally {
    notice.close();
  }
}

function nameIn(url) {
  const { pathname, hostname } = new URL(url);
  const name = pathname.split("/").filter(Boolean).pop();
  try {
    return decodeURIComponent(name ?? hostname);
  } catch {
    return name;
  }
}

async function photograph() {
  const photo = await takePhoto();
  if (!photo) return;
  takeIn([new File([photo], namedNow("get.photo", "jpg"), { type: "image/jpeg" })]);
}

async function tryExample(url) {
  const response = await fetch(url).catch(() => null);
  if (!response?.ok) return notify(t("get.example.failed"), { bad: true });
  const blob = await response.blob();
  takeIn([new File([blob], url.split("/").pop(), { type: blob.type })]);
}
