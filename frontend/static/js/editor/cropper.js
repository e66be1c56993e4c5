// A rectangle over the image, drawn and moved by pointer and by keys; in pixels of the image below.
import { make } from "../shared/dom.js";
import { t } from "../shared/i18n.js";

const LEAST = 16; // pixels: less holds no letter

// Which of left, top, right and bottom go along with each handle.
const HANDLES = {
  move: [1, 1, 1, 1],
  "top-left": [1, 1, 0, 0],
  top: [0, 1, 0, 0],
  "top-right": [0, 1, 1, 0],
  right: [0, 0, 1, 0],
  "bottom-right": [0, 0, 1, 1],
  bottom: [0, 0, 0, 1],
  "bottom-left": [1, 0, 0, 1],
  left: [1, 0, 0, 0],
};
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/** Lies over `frame`. `onChange(crop)` follows every move; Enter and Escape are `onApply` and `onCancel`. */
export function createCropper(frame, { onChange, onApply, onCancel }) {
  let size = null;
  let crop = null;
  const box = make("div.crop-box", {}, ...Object.keys(HANDLES).map(makeHandle));
  const area = make("div.cropper", { hidden: true, onpointerdown: drag, onkeydown: press }, box);
  frame.append(area);

  function show(next) {
    crop = next;
    ["left", "top", "right", "bottom"].forEach((edge, index) => {
      const whole = index % 2 ? size.height : size.width;
      area.style.setProperty(`--crop-${edge}`, `${(crop[index] / whole) * 100}%`);
    });
    onChange(crop);
  }

  function drag(event) {
    if (event.button) return;
    event.preventDefault();
    const [x, y] = pointOf(event);
    const before = crop;
    const handle = event.target.dataset.handle;
    const isNew = !handle || (handle === "move" && isWhole(crop, size));
    const [from, follows] = isNew ? [[x, y, x, y], HANDLES["bottom-right"]] : [crop, HANDLES[handle]];
    if (!isNew) event.target.focus();
    const follow = (moved) => {
      const [nowX, nowY] = pointOf(moved);
      show(shift(from, follows, [nowX - x, nowY - y], size));
    };
    area.setPointerCapture(event.pointerId);
    area.addEventListener("pointermove", follow);
    area.addEventListener("lostpointercapture", () => {
      area.removeEventListener("pointermove", follow);
      if (isTooSmall(crop)) show(before);
    }, { once: true });
  }

  function pointOf({ clientX, clientY }) {
    const { left, top, width, height } = area.getBoundingClientRect();
    const inside = (value, most) => Math.round(Math.min(Math.max(value, 0), 1) * most);
    return [inside((clientX - left) / width, size.width), inside((clientY - top) / height, size.height)];
  }

  function press(event) {
    if (event.key === "Enter") onApply();
    else if (event.key === "Escape") onCancel();
    else if (event.key in ARROWS && event.target.dataset.handle) {
      const step = event.shiftKey ? 1 : Math.max(1, Math.round(Math.max(size.width, size.height) / 100));
      const by = ARROWS[event.key].map((direction) => direction * step);
      const next = shift(crop, HANDLES[event.target.dataset.handle], by, size);
      if (!isTooSmall(next)) show(next);
    } else return;
    event.preventDefault();
    event.stopPropagation();
  }

  return {
    start(imageSize, from) {
      size = imageSize;
      area.hidden = false;
      show(from ?? [0, 0, size.width, size.height]);
      box.querySelector("[data-handle=top-left]").focus();
    },
    stop: () => (area.hidden = true),
    get isOpen() {
      return !area.hidden;
    },
    /** The rectangle, or null where it is the whole image. */
    get crop() {
      return isWhole(crop, size) ? null : crop;
    },
  };
}

function makeHandle(name) {
  return make("button.crop-handle", {
    type: "button", "data-handle": name, "aria-label": t(`editor.crop.${name}`),
  });
}

function isWhole(crop, { width, height }) {
  return crop.every((edge, index) => edge === [0, 0, width, height][index]);
}

const isTooSmall = ([left, top, right, bottom]) => right - left < LEAST || bottom - top < LEAST;

/** The rectangle with some of its edges moved, inside the image and right side out. */
function shift(crop, follows, by, { width, height }) {
  const [x, y] = follows === HANDLES.move ? keepInside(crop, by, width, height) : by;
  const moved = crop.map((edge, index) => edge + follows[index] * (index % 2 ? y : x));
  const [left, right] = [moved[0], moved[2]].map((edge) => Math.min(Math.max(edge, 0), width));
  const [top, bottom] = [moved[1], moved[3]].map((edge) => Math.min(Math.max(edge, 0), height));
  return [Math.min(left, right), Math.min(top, bottom), Math.max(left, right), Math.max(top, bottom)];
}

function keepInside([left, top, right, bottom], [x, y], width, height) {
  return [Math.min(Math.max(x, -left), width - right), Math.min(Math.max(y, -top), height - bottom)];
}
