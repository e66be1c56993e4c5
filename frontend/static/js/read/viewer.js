// An image with its lines on it: they light up, their text can be selected, regions can be marked.
import { draw, make } from "../shared/dom.js";
import { t } from "../shared/i18n.js";
import { isSure } from "./confidence.js";
import { createPanZoom } from "./panzoom.js";
import { listenToRegions } from "./regions.js";
import { rove } from "./roving.js";
import { createTextLayer } from "./textlayer.js";

/**
 * Fill `container`. onPoint(index or null): a line is pointed at or focused; onPick(index): it is chosen;
 * onZoom(scale): the scale has changed; onRegion({ left, top, right, bottom }): a region was marked; onSelect(text): a finger
 * has selected it.
 */
export function createViewer(container, { onPoint, onPick, onZoom, onRegion, onSelect }) {
  const image = make("img", { alt: "", draggable: "false" });
  const lines = draw("g", { class: "lines" });
  const characters = draw("g", { class: "characters", "aria-hidden": "true" });
  const drawing = draw("svg", { class: "drawing", role: "group" }, characters, lines);
  const sheet = make("div.sheet", {}, image, drawing);
  container.replaceChildren(sheet);
  const isMarking = () => container.classList.contains("marking");
  const layer = createTextLayer(sheet, drawing, { isMarking, onHold: () => view.letGo(), onSelect });
  const isFree = (event) => !isMarking() && (event.pointerType === "touch" || !layer.isOver(event));
  const view = createPanZoom(container, sheet, { onZoom, isFree });
  const regions = listenToRegions(container, sheet, drawing, { isMarking, onRegion });
  rove(lines, "polygon");
  listenToLines(container, drawing, { onPoint, onPick });

  function showLines(found) {
    lines.replaceChildren(...found.map(lineShape));
    lines.firstElementChild?.setAttribute("tabindex", "0");
    characters.replaceChildren(...found.flatMap((line) => (line.chars ?? []).map(characterShape)));
    layer.show(found);
  }

  return {
    /** url: of the picture, or null; width, height: the pixels in which the answer counts. */
    show({ url, width, height, found }) {
      image.hidden = !url;
      if (url) image.src = url;
      else image.removeAttribute("src");
      drawing.setAttribute("viewBox", `0 0 ${width} ${height}`);
      showLines(found);
      regions.clear();
      view.open(width, height);
    },
    showLines,
    /** Light a line, several, or none: null. */
    light(found) {
      const lit = [found].flat();
      for (const shape of lines.children) shape.classList.toggle("lit", lit.includes(indexOf(shape)));
    },
    set: (name, isOn) => container.classList.toggle(name, isOn),
    clearRegion: regions.clear,
    reveal: (index) => view.reveal(lines.children[index]),
    zoomBy: view.zoomBy,
    fit: view.fit,
  };
}

function listenToLines(container, drawing, { onPoint, onPick }) {
  drawing.addEventListener("pointerover", (event) => onPoint(indexOf(event.target)));
  drawing.addEventListener("pointerleave", () => onPoint(null));
  drawing.addEventListener("focusin", (event) => onPoint(indexOf(event.target)));
  drawing.addEventListener("click", (event) => {
    const index = indexOf(event.target);
    if (index !== null && getSelection().isCollapsed) onPick(index);
  });
  container.addEventListener("keydown", (event) => {
    if (["Enter", " "].includes(event.key) && indexOf(event.target) !== null) onPick(indexOf(event.target));
  });
}

const indexOf = (shape) => (shape?.dataset?.line === undefined ? null : Number(shape.dataset.line));

function lineShape(line, number) {
  const label = t("stage.line", { number: number + 1, text: line.text });
  const points = line.polygon.map((point) => point.join(",")).join(" ");
  return draw("polygon", {
    points,
    class: isSure(line) ? "" : "unsure",
    "data-line": number,
    tabindex: "-1",
    role: "button",
    "aria-label": label,
  });
}

function characterShape({ bbox: [[left, top], [right, bottom]] }) {
  return draw("rect", { x: left, y: top, width: right - left, height: bottom - top });
}
