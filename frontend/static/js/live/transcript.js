// Lines of a video as a transcript. Plain values in and out; times are in seconds.
//
// An entry is { text, start, end, confidence, bbox }, with bbox in shares of the picture. A transcript is an
// array of entries in the order in which they begin; none is ever changed.

const GAP = 1; // seconds after which a line that is there again is another one
const SNAP = 0.4; // seconds by which lines that belong to one subtitle may come and go apart
const LEAST = 0.8; // seconds for which a subtitle can be read

/** The transcript with one more entry; the same line read once more, as after seeking back, is one entry. */
export function enter(entries, entry) {
  const same = entries.find((other) => isSame(other, entry));
  if (!same) return [...entries, entry].sort(inOrder);
  const surer = same.confidence > entry.confidence ? same : entry;
  const merged = { ...surer, start: Math.min(same.start, entry.start), end: Math.max(same.end, entry.end) };
  return enter(entries.filter((other) => other !== same), merged);
}

const inOrder = (one, other) => one.start - other.start || byPlace(one, other);
const byPlace = (one, other) => one.bbox[0][1] - other.bbox[0][1] || one.bbox[0][0] - other.bbox[0][0];

function isSame(one, other) {
  const together = Math.min(one.end, other.end) - Math.max(one.start, other.start);
  if (together < -GAP) return false;
  const shorter = Math.min(one.end - one.start, other.end - other.start);
  if (one.text === other.text) return together <= 0 || overlaps(one.bbox, other.bbox);
  return together > 0 && together >= shorter / 2 && overlaps(one.bbox, other.bbox);
}

/** Whether two boxes share more than half of the smaller one. */
function overlaps(one, other) {
  const area = ([[left, top], [right, bottom]]) => Math.max(0, right - left) * Math.max(0, bottom - top);
  const larger = (axis) => Math.max(one[0][axis], other[0][axis]);
  const smaller = (axis) => Math.min(one[1][axis], other[1][axis]);
  const shared = area([[larger(0), larger(1)], [smaller(0), smaller(1)]]);
  return shared > Math.min(area(one), area(other)) / 2;
}

/** 75 -> "01:15"; with hours where there are any. */
export function formatClock(seconds) {
  const whole = Math.max(0, Math.round(seconds));
  const parts = [Math.floor(whole / 60) % 60, whole % 60].map(twoDigits).join(":");
  return whole < 3600 ? parts : `${Math.floor(whole / 3600)}:${parts}`;
}

const twoDigits = (value) => String(value).padStart(2, "0");

/** A line of text for each entry, with its times. */
export function asText(entries) {
  return entries
    .map(({ start, end, text }) => `${formatClock(start)}–${formatClock(end)}  ${text}\n`)
    .join("");
}

/** Subtitles in the form of SubRip. */
export function asSrt(entries) {
  return asCues(entries)
    .map(({ start, end, text }, index) => `${index + 1}\n${srtClock(start)} --> ${srtClock(end)}\n${text}\n`)
    .join("\n");
}

function srtClock(seconds) {
  const whole = Math.round(seconds * 1000);
  const clock = [3_600_000, 60_000, 1000].map((unit, place) => {
    const value = Math.floor(whole / unit);
    return twoDigits(place ? value % 60 : value);
  });
  return `${clock.join(":")},${String(whole % 1000).padStart(3, "0")}`;
}

/**
 * What is shown from when to when, as { start, end, text }: lines that are shown together are one cue, from
 * top to bottom, and cues never overlap, which players cope with badly.
 */
export function asCues(entries) {
  const snapped = snap(entries);
  const times = [...new Set(snapped.flatMap(({ start, end }) => [start, end]))].sort((a, b) => a - b);
  const cues = [];
  for (const [place, start] of times.slice(0, -1).entries()) {
    const end = times[place + 1];
    const shown = snapped.filter((entry) => entry.start <= start && entry.end >= end);
    if (shown.length) append(cues, { start, end, text: asSubtitle(shown) });
  }
  return cues.map((cue, place) => ({ ...cue, end: atLeast(cue, cues[place + 1]) }));
}

/** Entries whose beginnings and ends are at the same time where they nearly are. */
function snap(entries) {
  const times = entries.flatMap(({ start, end }) => [start, end]).sort((a, b) => a - b);
  const snapped = new Map();
  let first = -Infinity;
  for (const time of times) {
    if (time - first > SNAP) first = time;
    snapped.set(time, first);
  }
  return entries.map((entry) => {
    const [start, end] = [snapped.get(entry.start), snapped.get(entry.end)];
    return { ...entry, start, end: end > start ? end : start + LEAST };
  });
}

function append(cues, cue) {
  const before = cues.at(-1);
  if (before?.text === cue.text && before.end === cue.start) before.end = cue.end;
  else cues.push(cue);
}

const atLeast = ({ start, end }, next) => Math.max(end, Math.min(start + LEAST, next?.start ?? Infinity));

const asSubtitle = (shown) =>
  shown
    .toSorted(byPlace)
    .map(({ text }) => text.replaceAll("-->", "→"))
    .join("\n");
