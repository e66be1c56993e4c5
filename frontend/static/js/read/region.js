// A region of the picture that is read again: marked, read by a model of choice, and used in place of its lines.
import { call, patiently, Problem } from "../shared/api.js";
import { element } from "../shared/dom.js";
import { t } from "../shared/i18n.js";
import { fillChoice } from "../shared/models.js";
import { notify } from "../shared/notices.js";
import { models } from "./confidence.js";
import { correctLines } from "./correcting.js";
import { pictureOf } from "./pictures.js";

let page = null; // { sheet(), viewer, copy(text) } of the results
let marked = null; // the region
let found = []; // the lines that were read in it

export function listen(given) {
  page = given;
  element("mark-region").addEventListener("click", toggle);
  element("region-close").addEventListener("click", close);
  element("region-use").addEventListener("click", use);
  element("region-copy").addEventListener("click", () => page.copy(textOf(found)));
  element("region").addEventListener("submit", (event) => (event.preventDefault(), read()));
  models().then(
    ({ models: all }) => fillChoice(element("region-model"), all),
    () => {},
  );
}

const isMarking = () => element("mark-region").getAttribute("aria-pressed") === "true";

/** Whether dragging marks a region. */
export function toggle() {
  const isOn = !isMarking();
  close();
  setMarking(isOn);
  if (isOn) notify(t("region.drag"), { seconds: 4 });
}

function setMarking(isOn) {
  element("mark-region").setAttribute("aria-pressed", isOn);
  page.viewer.set("marking", isOn);
}

/** Offer to read a region { left, top, right, bottom } in pixels of the answer. */
export function open(region) {
  marked = region;
  show([], "");
  element("region").hidden = !page.sheet()?.job.blob;
  element("region").querySelector("button[type=submit]").focus();
}

export function close() {
  element("region").hidden = true;
  setMarking(false);
  page.viewer.clearRegion();
}

function show(lines, words) {
  found = lines;
  element("region-text").textContent = words;
  element("region-uses").hidden = !lines.length;
}

async function read() {
  const region = marked;
  show([], t("region.reading"));
  try {
    const image = await cut(page.sheet(), region);
    const answer = await patiently(() => recognize(image, element("region-model").value));
    if (marked !== region) return; // another is marked by now
    const lines = answer.lines.map((line) => placed(line, region, image.scale));
    show(lines, lines.length ? textOf(lines) : t("region.nothing"));
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem;
    show([], problem.sentence);
  }
}

/** { blob, scale }: that part of the picture, in pixels so many times those of the answer. */
async function cut(sheet, { left, top, right, bottom }) {
  const picture = await createImageBitmap(await pictureOf(sheet));
  const scale = picture.width / sheet.answer.width;
  const [width, height] = [(right - left) * scale, (bottom - top) * scale].map(Math.round);
  const canvas = new OffscreenCanvas(width, height);
  canvas.getContext("2d").drawImage(picture, left * scale, top * scale, width, height, 0, 0, width, height);
  return { blob: await canvas.convertToBlob({ type: "image/png" }), scale };
}

function recognize({ blob }, model) {
  const form = new FormData();
  form.append("image", blob, "region.png");
  if (model) form.append("model", model);
  form.append("history", "false");
  return call("/recognize", { method: "POST", body: form });
}

/** A line of the region with its place on the sheet. */
const placed = (line, { left, top }, scale) => ({
  ...line,
  left: left + line.bbox[0][0] / scale,
  middle: top + middleOf(line) / scale,
});

const middleOf = ({ bbox: [[, top], [, bottom]] }) => (top + bottom) / 2;
const centreOf = ({ bbox: [[left], [right]] }) => (left + right) / 2;

function textOf(lines) {
  const rows = Map.groupBy(lines, (line) => line.row);
  return [...rows.values()].map((row) => row.map(({ text }) => text).join(" ")).join("\n");
}

/** Each line that was read before in the region says what was read there now. */
function use() {
  const { lines } = page.sheet().answer;
  const inside = [...lines.entries()].filter(([, line]) => isInside(line, marked));
  if (!inside.length) return notify(t("region.bare"), { bad: true });
  const texts = new Map(inside.map(([index]) => [index, []]));
  for (const line of found) texts.get(nearest(inside, line)).push(line.text);
  correctLines(
    page.sheet(),
    [...texts].map(([index, said]) => [index, said.join(" ")]),
  );
  close();
}

const isInside = (line, { left, top, right, bottom }) =>
  centreOf(line) > left && centreOf(line) < right && middleOf(line) > top && middleOf(line) < bottom;

/** The index of the line that stands where a new one does: as high, and as far to the right. */
function nearest(inside, { middle, left }) {
  const away = ([, line]) => 4 * Math.abs(middleOf(line) - middle) + Math.abs(line.bbox[0][0] - left);
  return inside.reduce((best, one) => (away(one) < away(best) ? one : best))[0];
}
