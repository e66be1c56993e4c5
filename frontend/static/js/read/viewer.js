// An image with its lines drawn over it, that can be zoomed and moved.
import { draw, make } from "../shared/dom.js";
import { t } from "../shared/i18n.js";
import { rove } from "./roving.js";

const LARGEST = 12;
const STEP = 1.3;
const MOVE = 60;

/**
 * Fill `container`. onPoint(index or null): a line is pointed at or focused; onPick(index): it is chosen;
 * onZoom(scale): the scale has changed. Returns { show, light, set, zoomBy, fit }.
 */
export function createViewer(container, { onPoint, onPick, onZoom }) {
  const image = make("img", { alt: "", draggable: "false" });
  const lines = draw("g", { class: "lines" });
  const characters = draw("g", { class: "characters", "aria-hidden": "true" });
  const drawing = draw("svg", { class: "drawing", role: "group" }, characters, lines);
  const sheet = make("div.sheet", {}, image, drawing);
  container.replaceChildren(sheet);
  const view = createView(container, sheet, onZoom);
  rove(lines, "polygon");
  drawing.addEventListener("pointerover", (event) => onPoint(indexOf(event.target)));
  drawing.addEventListener("pointerleave", () => onPoint(null));
  drawing.addEventListener("focusin", (event) => onPoint(indexOf(event.target)));
  drawing.addEventListener(
    "click",
    (event) => indexOf(event.target) !== null && onPick(indexOf(event.target)),
  );
  container.addEventListener("keydown", (event) => {
    if (["Enter", " "].includes(event.key) && indexOf(event.target) !== null) onPick(indexOf(event.target));
  });

  return {
    /** url: of the picture, or null; width, height: the pixels in which the answer counts. */
    show({ url, width, height, found }) {
      image.hidden = !url;
      if (url) image.src = url;
      else image.removeAttribute("src");
      drawing.setAttribute("viewBox", `0 0 ${width} ${height}`);
      lines.replaceChildren(...found.map(lineShape));
      lines.firstElementChild?.setAttribute("tabindex", "0");
      characters.replaceChildren(...found.flatMap((line) => (line.chars ?? []).map(characterShape)));
      view.open(width, height);
    },
    light(index) {
      for (const shape of lines.children) shape.classList.toggle("lit", indexOf(shape) === index);
    },
    set: (layer, isShown) => container.classList.toggle(`without-${layer}`, !isShown),
    reveal: (index) => view.reveal(lines.children[index]),
    zoomBy: view.zoomBy,
    fit: view.fit,
  };
}

export const STEPS = { in: STEP, out: 1 / STEP };

const indexOf = (shape) => (shape?.dataset?.line === undefined ? null : Number(shape.dataset.line));

function lineShape(line, number) {
  const label = t("stage.line", { number: number + 1, text: line.text });
  const points = line.polygon.map((point) => point.join(",")).join(" ");
  return draw("polygon", {
    points,
    "data-line": number,
    tabindex: "-1",
    role: "button",
    "aria-label": label,
  });
}

function characterShape({ bbox: [[left, top], [right, bottom]] }) {
  return draw("rect", { x: left, y: top, width: right - left, height: bottom - top });
}

/** Where the sheet lies in its container, and how large: by wheel, fingers, mouse and keys. */
function createView(container, sheet, onZoom) {
  let size = { width: 1, height: 1 };
  let at = { x: 0, y: 0, scale: 1 };
  let isFitted = true;

  const fitting = () =>
    Math.min(container.clientWidth / size.width, container.clientHeight / size.height, LARGEST) || 1;

  function place(x, y, scale) {
    const room = {
      x: container.clientWidth - size.width * scale,
      y: container.clientHeight - size.height * scale,
    };
    const bounded = (value, space) => (space > 0 ? space / 2 : Math.min(0, Math.max(space, value)));
    at = { x: bounded(x, room.x), y: bounded(y, room.y), scale };
    sheet.style.transform = `translate(${at.x}px, ${at.y}px) scale(${scale})`;
    sheet.style.setProperty("--zoom", scale); // lines are as thin at any size
    container.classList.toggle("zoomed", scale > fitting() * 1.001);
    onZoom(scale);
  }

  function zoomTo(scale, x = container.clientWidth / 2, y = container.clientHeight / 2) {
    const next = Math.min(LARGEST, Math.max(fitting(), scale));
    isFitted = next <= fitting() * 1.001;
    place(x - ((x - at.x) * next) / at.scale, y - ((y - at.y) * next) / at.scale, next);
  }

  const zoomBy = (factor, x, y) => zoomTo(at.scale * factor, x, y);

  function fit() {
    isFitted = true;
    place(0, 0, fitting());
  }

  function open(width, height) {
    size = { width, height };
    sheet.style.width = `${width}px`;
    sheet.style.height = `${height}px`;
    container.style.setProperty("--shape", width / height);
    fit();
  }

  /** Move so that a shape is seen. */
  function reveal(shape) {
    if (!shape || !container.classList.contains("zoomed")) return;
    const inner = shape.getBoundingClientRect();
    const outer = container.getBoundingClientRect();
    const isInside =
      inner.top >= outer.top &&
      inner.bottom <= outer.bottom &&
      inner.left < outer.right &&
      inner.right > outer.left;
    if (isInside) return;
    const offset = {
      x: outer.left + outer.width / 2 - (inner.left + inner.right) / 2,
      y: outer.top + outer.height / 2 - (inner.top + inner.bottom) / 2,
    };
    place(at.x + offset.x, at.y + offset.y, at.scale);
  }

  const moveBy = (x, y) => place(at.x + x, at.y + y, at.scale);
  new ResizeObserver(() => (isFitted ? fit() : moveBy(0, 0))).observe(container);
  listenToWheel(container, zoomBy, moveBy);
  listenToFingers(container, zoomBy, moveBy);
  listenToKeys(container, zoomBy, moveBy, fit);
  return { open, fit, zoomBy, reveal };
}

function listenToWheel(container, zoomBy, moveBy) {
  container.addEventListener(
    "wheel",
    (event) => {
      const isZoom = event.ctrlKey || event.metaKey;
      if (!isZoom && !container.classList.contains("zoomed")) return; // the page scrolls
      event.preventDefault();
      const box = container.getBoundingClientRect();
      if (isZoom) zoomBy(Math.exp(-event.deltaY / 300), event.clientX - box.left, event.clientY - box.top);
      else moveBy(-event.deltaX, -event.deltaY);
    },
    { passive: false },
  );
}

function listenToFingers(container, zoomBy, moveBy) {
  const fingers = new Map();
  const middle = () => {
    const all = [...fingers.values()];
    return {
      x: all.reduce((sum, f) => sum + f.x, 0) / all.length,
      y: all.reduce((sum, f) => sum + f.y, 0) / all.length,
    };
  };
  const spread = () => {
    const [a, b] = fingers.values();
    return b ? Math.hypot(a.x - b.x, a.y - b.y) : null;
  };
  container.addEventListener("pointerdown", (event) => {
    if (event.button === 0) fingers.set(event.pointerId, { x: event.clientX, y: event.clientY });
  });
  addEventListener("pointermove", (event) => {
    if (!fingers.has(event.pointerId)) return;
    const before = { ...middle(), spread: spread() };
    fingers.set(event.pointerId, { x: event.clientX, y: event.clientY });
    const after = { ...middle(), spread: spread() };
    const box = container.getBoundingClientRect();
    if (before.spread) zoomBy(after.spread / before.spread, after.x - box.left, after.y - box.top);
    if (container.classList.contains("zoomed")) moveBy(after.x - before.x, after.y - before.y);
  });
  for (const name of ["pointerup", "pointercancel"]) {
    addEventListener(name, (event) => fingers.delete(event.pointerId));
  }
  container.addEventListener("dblclick", (event) => {
    const box = container.getBoundingClientRect();
    zoomBy(2, event.clientX - box.left, event.clientY - box.top);
  });
}

function listenToKeys(container, zoomBy, moveBy, fit) {
  const actions = {
    "+": () => zoomBy(STEP),
    "=": () => zoomBy(STEP),
    "-": () => zoomBy(1 / STEP),
    0: fit,
    ArrowLeft: () => moveBy(MOVE, 0),
    ArrowRight: () => moveBy(-MOVE, 0),
    ArrowUp: () => moveBy(0, MOVE),
    ArrowDown: () => moveBy(0, -MOVE),
  };
  container.addEventListener("keydown", (event) => {
    const action = actions[event.key];
    if (!action || event.ctrlKey || event.metaKey || event.defaultPrevented) return;
    event.preventDefault();
    action();
  });
}
