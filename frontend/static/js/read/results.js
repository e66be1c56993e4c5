// What was read in the job that is looked at: picture and text side by side, each lighting the other.
import { element, icon, make } from "../elements.js";
import { formatNumber, formatPercent, t } from "../i18n.js";
import { sheets } from "./jobs.js";
import { notify } from "../notices.js";
import { pictureOf } from "./pictures.js";
import { rove } from "./roving.js";
import { createStage, STEPS } from "./stage.js";

const DOUBT = "ocr-doubt";

let stage = null;
let job = null;
let number = 0; // of the sheet that is shown
let url = null;
let shownOf = ""; // which pictures and lines are drawn

export function listen() {
  stage = createStage(element("stage"), {
    onPoint: light,
    onPick: (index) => focusLine(index),
    onZoom: (scale) => (element("zoom").textContent = `${Math.round(scale * 100)} %`),
  });
  listenToTools();
  listenToText();
  element("copy").addEventListener("click", () => copy(sheetShown()?.whole.text ?? ""));
  element("copy-json").addEventListener("click", () => copy(json()));
  for (const [id, step] of Object.entries({ "previous-sheet": -1, "next-sheet": 1 })) {
    element(id).addEventListener("click", () => turnTo(number + step));
  }
}

export const jobShown = () => job;
export const sheetShown = () => (job ? sheets(job)[number] : undefined);

/** Look at a job, from its first page on; null: at none. */
export function show(other) {
  if (other?.id !== job?.id) number = 0;
  job = other;
  turnTo(number);
}

async function turnTo(wanted) {
  const all = job ? sheets(job) : [];
  number = Math.max(0, Math.min(wanted, all.length - 1));
  element("pager").hidden = all.length < 2;
  element("sheet-number").textContent = t("stage.sheet", { number: number + 1, count: all.length });
  element("previous-sheet").disabled = number === 0;
  element("next-sheet").disabled = number >= all.length - 1;
  const sheet = all[number];
  showText(sheet);
  await showPicture(sheet ?? (job && { job, page: 1, answer: null }));
}

/** The picture is drawn once for each sheet; without an answer it stands alone. */
async function showPicture(sheet) {
  const key = sheet ? `${sheet.job.id} ${sheet.page} ${sheet.job.adjusted?.size} ${Boolean(sheet.answer)} ${sheet.answer?.model_version}` : "";
  if (key === shownOf) return;
  shownOf = key;
  const picture = sheet ? await pictureOf(sheet).catch((problem) => complain(problem)) : null;
  if (key !== shownOf) return; // another is looked at by now
  if (url) URL.revokeObjectURL(url);
  url = picture ? URL.createObjectURL(picture) : null;
  const { width, height } = sheet?.answer ?? (await sizeOf(url));
  if (key === shownOf) stage.show({ url, width, height, found: sheet?.answer?.lines ?? [] });
}

function complain(problem) {
  notify(problem.sentence ?? String(problem), { bad: true });
  return null;
}

async function sizeOf(address) {
  const image = new Image();
  if (address) image.src = address;
  await image.decode().catch(() => {});
  return { width: image.naturalWidth || 1, height: image.naturalHeight || 1 };
}

function showText(sheet) {
  const hasText = Boolean(sheet?.answer.lines.length);
  element("copy").disabled = !hasText;
  element("download").hidden = !sheet;
  element("again").hidden = !job?.blob || !sheet;
  element("adjust").disabled = !job?.blob || job.kind === "zip";
  element("doubt").hidden = !hasText;
  element("result-status").textContent = status(sheet);
  element("lines").replaceChildren(...(sheet ? rows(sheet.answer.lines) : []));
  element("lines").querySelector(".line")?.setAttribute("tabindex", "0");
  element("facts").replaceChildren(...(sheet ? facts(sheet) : []));
  element("tab-json").disabled = !sheet;
  if (!element("panel-json").hidden) element("json").textContent = json();
  markDoubt();
}

function status(sheet) {
  if (!job) return t("result.choose");
  if (!sheet) return job.problem?.sentence ?? t(`state.${job.state}`, { percent: formatPercent(job.share) });
  const count = sheet.answer.lines.length;
  if (!count) return t("result.nothing");
  const found = count === 1 ? t("result.found.one") : t("result.found", { count });
  const adjusted = job.adjusted ? [t("result.processed")] : [];
  return [found, ...adjusted, ...(sheet.whole.warnings ?? [])].join(" ");
}

/** Lines that stand side by side are one row. */
function rows(lines) {
  const made = [];
  let row = null;
  lines.forEach((line, index) => {
    if (!made.length || line.row !== row) made.push(make("li"));
    row = line.row;
    made.at(-1).append(lineText(line, index));
  });
  return made;
}

function lineText(line, index) {
  const label = t("result.copy_line", { number: index + 1 });
  const run = (event) => (event.stopPropagation(), copy(line.text));
  const button = make("button.quiet.square.copy-line", { type: "button", tabindex: "-1", "aria-label": label, title: label, onclick: run }, icon("copy"));
  const words = make("span.words", { dir: "auto" }, ...characters(line));
  return make("div.line", { "data-line": index, tabindex: "-1", role: "group", "aria-label": t("stage.line", { number: index + 1, text: line.text }) }, words, button);
}

function characters(line) {
  if (!line.chars) return [line.text];
  return line.chars.map(({ char, confidence }) =>
    make("span", { "data-confidence": confidence, title: t("result.character", { char, percent: formatPercent(confidence) }) }, char),
  );
}

/** Mark the characters that are less sure than the reader wants. */
function markDoubt() {
  const below = Number(element("doubt-below").value) / 100;
  element("doubt-value").textContent = formatPercent(below);
  for (const character of element("lines").querySelectorAll("[data-confidence]")) {
    character.classList.toggle("doubtful", Number(character.dataset.confidence) < below);
  }
}

function facts({ answer, whole, job: { adjusted } }) {
  const seconds = formatNumber(Math.max(whole.elapsed_ms / 1000, 0.1));
  const all = {
    "result.confidence": answer.confidence === null ? "–" : formatPercent(answer.confidence),
    "result.time": whole.elapsed_ms && t(whole.cached ? "result.time.cached" : "result.time.value", { seconds }),
    "result.model": `${whole.model} ${whole.model_version}`,
    "result.size": `${answer.width} × ${answer.height}${adjusted ? ` · ${t("stage.adjust")}` : ""}`,
    "result.turned": answer.angle ? `${answer.angle}°` : "",
  };
  const shown = Object.entries(all).filter(([, value]) => value);
  return shown.flatMap(([name, value]) => [make("dt", {}, t(name)), make("dd", {}, value)]);
}

function light(index) {
  stage.light(index);
  for (const line of element("lines").querySelectorAll(".line")) {
    line.classList.toggle("lit", Number(line.dataset.line) === index);
  }
}

function focusLine(index) {
  element("lines").querySelector(`[data-line="${index}"]`)?.focus();
}

function listenToText() {
  const lines = element("lines");
  const indexOf = (event) => event.target.closest(".line")?.dataset.line;
  const point = (event) => light(indexOf(event) === undefined ? null : Number(indexOf(event)));
  rove(lines, ".line");
  lines.addEventListener("pointerover", point);
  lines.addEventListener("pointerleave", () => light(null));
  lines.addEventListener("focusin", (event) => {
    point(event);
    stage.reveal(Number(indexOf(event)));
  });
  lines.addEventListener("focusout", () => light(null));
  lines.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && event.target.matches(".line")) copy(sheetShown().answer.lines[indexOf(event)].text);
  });
  element("doubt-below").value = localStorage.getItem(DOUBT) ?? 80;
  element("doubt-below").addEventListener("input", (event) => {
    localStorage.setItem(DOUBT, event.target.value);
    markDoubt();
  });
  listenToTabs();
}

function listenToTabs() {
  const tabs = [element("tab-text"), element("tab-json")];
  const choose = (tab) => {
    for (const other of tabs) {
      other.setAttribute("aria-selected", other === tab);
      other.tabIndex = other === tab ? 0 : -1;
      element(other.getAttribute("aria-controls")).hidden = other !== tab;
    }
    if (tab.id === "tab-json") element("json").textContent = json();
  };
  for (const tab of tabs) {
    tab.addEventListener("click", () => choose(tab));
    tab.addEventListener("keydown", (event) => {
      if (!["ArrowLeft", "ArrowRight"].includes(event.key)) return;
      const other = tabs.find((one) => one !== tab);
      other.focus();
      choose(other);
    });
  }
}

function listenToTools() {
  element("zoom-in").addEventListener("click", () => stage.zoomBy(STEPS.in));
  element("zoom-out").addEventListener("click", () => stage.zoomBy(STEPS.out));
  element("fit").addEventListener("click", () => stage.fit());
  for (const layer of ["lines", "characters"]) {
    const button = element(`show-${layer}`);
    const set = (isShown) => {
      button.setAttribute("aria-pressed", isShown);
      stage.set(layer, isShown);
    };
    set(layer === "lines");
    button.addEventListener("click", () => set(button.getAttribute("aria-pressed") !== "true"));
  }
}

/** The answer as the service gave it, with short lists on one line. */
function json() {
  const sheet = sheetShown();
  const text = sheet ? JSON.stringify(sheet.whole, null, 2) : "";
  return text.replaceAll(/\[\s+(-?[\d.]+),\s+(-?[\d.]+)\s+\]/g, "[$1, $2]").replaceAll(/\[\s+(\[[^\]]*\])((?:,\s+\[[^\]]*\])+)\s+\]/g, (_, first, rest) => `[${first}${rest.replaceAll(/\s+/g, " ")}]`);
}

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    notify(t("result.copied"), { seconds: 3 });
  } catch {
    notify(t("result.copy.refused"), { bad: true });
  }
}
