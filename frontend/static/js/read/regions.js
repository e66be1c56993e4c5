// Marking a rectangle of the sheet by dragging.
import { draw } from "../shared/dom.js";
import { pointIn } from "./textlayer.js";

const LEAST_PX = 6;

/** onRegion({ left, top, right, bottom }) in pixels of the sheet, when one was drawn while isMarking(). */
export function listenToRegions(container, sheet, drawing, { isMarking, onRegion }) {
  const frame = draw("rect", { class: "region" });
  let start = null;
  let region = null;
  const show = () => {
    frame.remove();
    if (!region) return;
    const { left, top, right, bottom } = region;
    for (const [name, value] of Object.entries({
      x: left,
      y: top,
      width: right - left,
      height: bottom - top,
    })) {
      frame.setAttribute(name, value);
    }
    drawing.append(frame);
  };
  container.addEventListener("pointerdown", (event) => {
    if (!isMarking() || event.button !== 0 || !event.target.closest(".sheet")) return;
    event.preventDefault();
    start = pointIn(sheet, event);
    container.setPointerCapture(event.pointerId);
  });
  container.addEventListener("pointermove", (event) => {
    if (!start) return;
    region = between(start, pointIn(sheet, event), sheet);
    show();
  });
  container.addEventListener("pointerup", () => {
    const isLarge =
      start && region && Math.min(region.right - region.left, region.bottom - region.top) > LEAST_PX;
    start = null;
    if (isLarge) onRegion(region);
  });
  return { clear: () => ((region = null), show()) };
}

function between(one, other, { offsetWidth, offsetHeight }) {
  const within = (value, most) => Math.round(Math.min(most, Math.max(0, value)));
  const [left, right] = [one.x, other.x].sort((a, b) => a - b).map((x) => within(x, offsetWidth));
  const [top, bottom] = [one.y, other.y].sort((a, b) => a - b).map((y) => within(y, offsetHeight));
  return { left, top, right, bottom };
}
