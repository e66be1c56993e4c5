// The text of the lines where it stands on the picture: invisible, and selected by dragging over the picture.
import { make } from "../shared/dom.js";
import { copyRows, selectedRows } from "./rows.js";

const FONT_SHARE = 0.8; // of a line's height
const NEAR_SHARE = 0.2; // of its height: so far from a line one is still over it
const HOLD_MS = 400; // so long a finger rests before it selects
const MEASURED_PX = 40;
const pen = new OffscreenCanvas(1, 1).getContext("2d");
pen.font = `${MEASURED_PX}px sans-serif`;

/**
 * In `sheet`, whose pixels are those of the lines; `drawing` has the lines' shapes, where dragging begins. isMarking():
 * dragging marks a region; onHold(): a finger begins to select; onSelect(text): it has.
 */
export function createTextLayer(sheet, drawing, { isMarking, onHold, onSelect }) {
  const layer = make("div.text-layer", { "aria-hidden": "true" });
  let lines = [];
  sheet.append(layer);
  layer.addEventListener("copy", (event) => copyRows(event, layer));
  const isOver = (event) => !isMarking() && isNear(lines, pointIn(sheet, event));
  const at = (event) => place(lines, pointIn(sheet, event));
  listenToDragging(drawing, isOver, at);
  listenToHolding(drawing, isOver, { at, onHold, onSelect: () => onSelect(selectedRows(layer)) });
  return {
    /** Whether a drag from here selects text. */
    isOver,
    show(found) {
      lines = found.filter((line) => line.text).map(geometry);
      layer.replaceChildren(...rows(lines));
    },
  };
}

/** Where the pointer is on the sheet, in its own pixels. */
export function pointIn(sheet, { clientX, clientY }) {
  const { left, top, width } = sheet.getBoundingClientRect();
  const scale = width / sheet.offsetWidth || 1;
  return { x: (clientX - left) / scale, y: (clientY - top) / scale };
}

/** isOver(event): there is text under the pointer; at(event): its node and offset. */
function listenToDragging(drawing, isOver, at) {
  let anchor = null;
  drawing.addEventListener("mousedown", (event) => {
    getSelection().removeAllRanges();
    if (event.button !== 0 || !isOver(event)) return;
    event.preventDefault(); // the browser would select what is nearest in the document, not on the picture
    anchor = at(event);
  });
  addEventListener("mousemove", (event) => {
    const end = anchor && at(event);
    if (end) getSelection().setBaseAndExtent(anchor.node, anchor.offset, end.node, end.offset);
  });
  addEventListener("mouseup", () => (anchor = null));
}

/** A finger that rests on a word selects it, and then what it is dragged over. */
function listenToHolding(drawing, isOver, { at, onHold, onSelect }) {
  let waiting = null;
  let anchor = null;
  const end = () => (clearTimeout(waiting), (anchor = null));
  const begin = (finger) => {
    anchor = at(finger).node;
    getSelection().setBaseAndExtent(anchor, 0, anchor, anchor.data.trimEnd().length);
    onHold();
  };
  drawing.addEventListener("touchstart", ({ touches }) => {
    end();
    if (touches.length === 1 && isOver(touches[0])) waiting = setTimeout(begin, HOLD_MS, touches[0]);
  });
  drawing.addEventListener("touchmove", (event) => {
    if (!anchor) return end(); // it moves the picture
    event.preventDefault();
    const { node, offset } = at(event.touches[0]);
    getSelection().setBaseAndExtent(anchor, 0, node, offset);
  });
  drawing.addEventListener("touchend", (event) => {
    if (anchor) {
      event.preventDefault(); // no click follows
      onSelect();
    }
    end();
  });
  drawing.addEventListener("touchcancel", end);
  drawing.addEventListener("contextmenu", (event) => anchor && event.preventDefault());
}

const isNear = (lines, point) => lines.some((line) => distance(line, point) < line.height * NEAR_SHARE);

/** The nearest line to a point, and the gap between its characters that is nearest. */
function place(lines, point) {
  const nearest = lines.reduce((best, line) => (distance(line, point) < distance(best, point) ? line : best));
  const along = project(nearest, [point.x, point.y]);
  const count = nearest.chars.filter(({ start, end }) => (start + end) / 2 < along).length;
  const words = nearest.words;
  const word = words.findLast(({ first }) => first <= Math.max(0, count - 1)) ?? words[0];
  const offset = nearest.chars.slice(word.first, count).reduce((sum, { char }) => sum + char.length, 0);
  return { node: word.element.firstChild, offset };
}

/** In the line's own directions: beside its end a point is nearer to it than to the next line. */
function distance(line, { x, y }) {
  const outside = (value, most) => Math.max(-value, 0, value - most);
  const beyond = outside(project(line, [x, y]), line.length);
  return beyond + 2 * outside(project({ ...line, along: line.across }, [x, y]), line.height);
}

const project = ({ origin, along }, [x, y]) => (x - origin[0]) * along[0] + (y - origin[1]) * along[1];

/** A line with its origin, its direction, its height, and where its characters begin and end on it. */
function geometry(line, index) {
  const isVertical = runsDown(line);
  const [origin, corner, , below] = isVertical ? downwards(line.polygon) : line.polygon;
  const length = Math.hypot(corner[0] - origin[0], corner[1] - origin[1]) || 1;
  const along = [(corner[0] - origin[0]) / length, (corner[1] - origin[1]) / length];
  const height = Math.hypot(below[0] - origin[0], below[1] - origin[1]) || 1;
  const across = [(below[0] - origin[0]) / height, (below[1] - origin[1]) / height];
  const placed = { ...line, index, isVertical, origin, along, across, length, height };
  return { ...placed, chars: line.chars?.length ? spans(placed) : evenSpans(placed) };
}

function runsDown({ chars = [], polygon: [from, to] }) {
  if (chars.length < 2) return false;
  const middle = ({ bbox: [[left, top], [right, bottom]] }) => [(left + right) / 2, (top + bottom) / 2];
  const [first, last] = [middle(chars[0]), middle(chars.at(-1))];
  const isFlat = Math.abs(to[0] - from[0]) > Math.abs(to[1] - from[1]);
  const isTall = Math.abs(last[1] - first[1]) > 2 * Math.abs(last[0] - first[0]);
  return isTall && isFlat;
}

const downwards = ([topLeft, topRight, bottomRight, bottomLeft]) => [
  topRight,
  bottomRight,
  bottomLeft,
  topLeft,
];

function spans(line) {
  return line.chars.map(({ char, bbox: [[left, top], [right, bottom]] }) => {
    const ends = [
      [left, top],
      [right, bottom],
    ].map((corner) => project(line, corner));
    return { char, start: Math.min(...ends), end: Math.max(...ends) };
  });
}

function evenSpans({ text, length }) {
  const chars = [...text];
  const step = length / chars.length;
  return chars.map((char, number) => ({ char, start: number * step, end: (number + 1) * step }));
}

/** Lines side by side are one row. */
function rows(lines) {
  const made = [];
  let row = null;
  for (const line of lines) {
    if (!made.length || line.row !== row) made.push(make("div"));
    row = line.row;
    line.words = wordsOf(line);
    const elements = line.words.map(({ element }) => element);
    made.at(-1).append(make("span.words", { "data-line": line.index }, ...elements));
  }
  return made;
}

/** Each word with the space after it, as an element of its own: so it lies on the ink. */
function wordsOf(line) {
  const words = [];
  line.chars.forEach((span, number) => {
    const isNew = !words.length || (line.chars[number - 1].char === " " && span.char !== " ");
    if (isNew) words.push({ first: number, chars: [] });
    words.at(-1).chars.push(span);
  });
  return words.map((word, number) => {
    const end = words[number + 1]?.chars[0].start ?? word.chars.at(-1).end;
    return { ...word, element: wordElement(line, word.chars, end) };
  });
}

/** A word from its first character on to `end`. */
function wordElement(line, chars, end) {
  const text = chars.map(({ char }) => char).join("");
  const { start } = chars[0];
  const size = line.height * FONT_SHARE;
  const natural = line.isVertical ? chars.length * size : (pen.measureText(text).width * size) / MEASURED_PX;
  const element = make(line.isVertical ? "span.word.vertical" : "span.word", {}, text);
  const scale = Math.max(end - start, 1) / (natural || 1);
  const [x, y] = [line.origin[0] + line.along[0] * start, line.origin[1] + line.along[1] * start];
  const turn = Math.atan2(line.along[1], line.along[0]);
  element.style.fontSize = `${size}px`;
  element.style.lineHeight = `${line.height}px`;
  element.style.transform = line.isVertical
    ? `translate(${x - line.height}px, ${y}px) scaleY(${scale})`
    : `translate(${x}px, ${y}px) rotate(${turn}rad) scaleX(${scale})`;
  return element;
}
