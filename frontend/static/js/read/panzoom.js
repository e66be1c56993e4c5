// A sheet that can be zoomed and moved in its container.
const LARGEST = 12;
const STEP = 1.3;
const MOVE = 60;
const MARGIN = 12;

export const STEPS = { in: STEP, out: 1 / STEP };

/**
 * Where the sheet lies in its container, and how large: by wheel, fingers, mouse and keys. onZoom(scale): it has
 * changed; isFree(event): the pointer may move the sheet, and does nothing else there.
 */
export function createPanZoom(container, sheet, { onZoom, isFree }) {
  let size = { width: 1, height: 1 };
  let at = { x: 0, y: 0, scale: 1 };
  let isFitted = true;

  const fitting = () => {
    const [width, height] = [container.clientWidth - 2 * MARGIN, container.clientHeight - 2 * MARGIN];
    return Math.max(Math.min(width / size.width, height / size.height, LARGEST), 0.01);
  };

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
  const letGo = listenToFingers(container, zoomBy, moveBy, isFree);
  listenToKeys(container, zoomBy, moveBy, fit);
  return { open, fit, zoomBy, reveal, letGo };
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

/** Returns a function that lets go of the sheet until a finger is put on it again. */
function listenToFingers(container, zoomBy, moveBy, isFree) {
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
    if (event.button === 0 && isFree(event)) fingers.set(event.pointerId, { x: event.clientX, y: event.clientY });
  });
  addEventListener("pointermove", (event) => {
    if (!fingers.has(event.pointerId)) return;
    const before = { ...middle(), spread: spread() };
    fingers.set(event.pointerId, { x: event.clientX, y: event.clientY });
    const after = { ...middle(), spread: spread() };
    const box = container.getBoundingClientRect();
    if (before.spread) zoomBy(after.spread / before.spread, after.x - box.left, after.y - box.top);
    if (container.classList.contains("zoomed") && fingers.size) moveBy(after.x - before.x, after.y - before.y);
  });
  for (const name of ["pointerup", "pointercancel"]) {
    addEventListener(name, (event) => fingers.delete(event.pointerId));
  }
  container.addEventListener("dblclick", (event) => {
    if (!isFree(event)) return;
    const box = container.getBoundingClientRect();
    zoomBy(2, event.clientX - box.left, event.clientY - box.top);
  });
  return () => fingers.clear();
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
