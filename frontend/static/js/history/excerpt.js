// What of a record's text is shown in the list, with what was sought marked.
import { make } from "../shared/dom.js";

const LONGEST = 300;
const BEFORE = 40;
const CONTEXT = 100;
const LONGEST_TITLE = 40;

/** Where `sought` is in `text`: [start, end]. As in the service's search, case, width and space are alike. */
export function findAll(text, sought) {
  const wanted = fold(sought).folded;
  if (!wanted) return [];
  const { folded, starts, ends } = fold(text);
  const places = [];
  for (let at = folded.indexOf(wanted); at >= 0; at = folded.indexOf(wanted, at + wanted.length)) {
    places.push([starts[at], ends[at + wanted.length - 1]]);
  }
  return places;
}

/** A text as the search sees it, and where in `text` each of its characters comes from. */
function fold(text) {
  let folded = "";
  let at = 0;
  const starts = [];
  const ends = [];
  for (const char of text) {
    const part = char.normalize("NFKC").toLowerCase().replaceAll(/\s/g, "");
    starts.push(...Array(part.length).fill(at));
    ends.push(...Array(part.length).fill(at + char.length));
    folded += part;
    at += char.length;
  }
  return { folded, starts, ends };
}

/** The first lines, or those around what was sought, as nodes. */
export function excerpt(text, sought) {
  const places = findAll(text, sought);
  const start = places.length ? beginning(text, places[0][0]) : 0;
  const end = start + LONGEST;
  const nodes = start ? ["… "] : [];
  let at = start;
  for (const [from, to] of places.filter((place) => place[0] < end)) {
    nodes.push(text.slice(at, from), make("mark", {}, text.slice(from, to)));
    at = to;
  }
  return [...nodes, text.slice(at, Math.max(at, end))];
}

/** Where to begin so that `found` is in the first lines. */
function beginning(text, found) {
  const isNear = found < CONTEXT && text.slice(0, found).split("\n").length <= 2;
  if (isNear) return 0;
  const line = text.lastIndexOf("\n", found - 1) + 1;
  return Math.max(line, found - BEFORE);
}

/** A name for a record: its first line, or not all of it; empty if it has no text. */
export function firstLine(record) {
  const line = record.text.split("\n", 1)[0];
  const characters = [...line];
  return characters.length > LONGEST_TITLE ? `${characters.slice(0, LONGEST_TITLE - 1).join("")}…` : line;
}
