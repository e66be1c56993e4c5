// What is done to an image: one plain object that can be kept, compared and sent to the worker.
// Whatever order the edits were made in, they are applied in this one:
// turn -> crop -> deskew -> tone -> binarize -> invert.

import { rotatedSize } from "./pixels.js";

/** turn: quarter turns clockwise. crop: [left, top, right, bottom] in pixels of the turned source, or null.
    angle: degrees clockwise. contrast, brightness: -100..100. binarize: "off", "otsu" or "adaptive".
    offset: levels added to the threshold. window: of adaptive, in percent of the longer side. */
export const UNTOUCHED = Object.freeze({
  turn: 0,
  crop: null,
  angle: 0,
  contrast: 0,
  brightness: 0,
  binarize: "off",
  offset: 0,
  window: 8,
  invert: false,
});

/** The offset that a kind of binarization starts with: means of plain paper need some distance. */
export const OFFSETS = { off: 0, otsu: 0, adaptive: -15 };

export function isUntouched(edits) {
  return sameEdits({ ...edits, window: 0, offset: 0 }, { ...UNTOUCHED, window: 0, offset: 0 });
}

export function sameEdits(one, other) {
  return JSON.stringify({ ...UNTOUCHED, ...one }) === JSON.stringify({ ...UNTOUCHED, ...other });
}

/** Width and height after the quarter turns. */
export function turnedSize({ width, height }, turn) {
  return turn % 2 ? { width: height, height: width } : { width, height };
}

/** Width and height of what comes out. */
export function resultSize({ turn, crop, angle }, size) {
  const whole = turnedSize(size, turn);
  const [left, top, right, bottom] = crop ?? [0, 0, whole.width, whole.height];
  return rotatedSize({ width: right - left, height: bottom - top }, angle);
}

/** The edits with quarter turns more, the crop staying on what it shows. `size` is the source's. */
export function turnBy(edits, quarters, size) {
  const { width, height } = turnedSize(size, edits.turn);
  const turn = (edits.turn + quarters + 4) % 4;
  if (!edits.crop) return { ...edits, turn };
  const [left, top, right, bottom] = edits.crop;
  const crop =
    quarters > 0 ? [height - bottom, left, height - top, right] : [top, width - right, bottom, width - left];
  return { ...edits, turn, crop };
}

/** States one after the other, with a way back and forth. Changes of one control in quick succession,
    as of a held arrow key, are one step. */
export function createHistory(first) {
  const QUICK_MS = 800;
  let states = [first];
  let at = 0;
  let last = { control: null, time: 0 };
  return {
    get current() {
      return states[at];
    },
    get canUndo() {
      return at > 0;
    },
    get canRedo() {
      return at < states.length - 1;
    },
    add(state, control = null) {
      if (sameEdits(state, states[at])) return;
      const isSameMove = control && control === last.control && performance.now() - last.time < QUICK_MS;
      states = [...states.slice(0, isSameMove && at > 0 ? at : at + 1), state];
      at = states.length - 1;
      last = { control, time: performance.now() };
    },
    undo() {
      at = Math.max(0, at - 1);
      last.control = null;
    },
    redo() {
      at = Math.min(states.length - 1, at + 1);
      last.control = null;
    },
  };
}
