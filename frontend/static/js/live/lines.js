// The lines that a video shows now, and what becomes of them: entries of the transcript.

/**
 * Follows the answers of a stream. A cut (a seek, a new connection) ends what is shown: no line goes on over
 * it. `enter` gets an entry for each line that has ended.
 */
export function followLines(enter) {
  let from = 1; // the first frame since the last cut
  let shown = new Map();

  /** Ends all lines; the next ones come with this frame. */
  function cut(frame) {
    for (const entry of shown.values()) enter(entry);
    shown = new Map();
    from = frame;
  }

  /** The entries of the lines that are shown with this answer, from top to bottom; null from before a cut. */
  function take(answer, pictureOf) {
    if (answer.frame < from) return null;
    for (const line of answer.ended) if (line.last_frame >= from) enter(asEntry(line, pictureOf));
    shown = new Map(answer.lines.map((line) => [line.id, asEntry(line, pictureOf)]));
    return [...shown.values()];
  }

  function asEntry(line, pictureOf) {
    const last = pictureOf(Math.max(line.last_frame, from));
    const first = pictureOf(Math.max(line.first_frame, from));
    const bbox = line.bbox.map(([x, y]) => [x / last.width, y / last.height]);
    return { text: line.text, start: first.time, end: last.time, confidence: line.confidence, bbox };
  }

  return { cut, take, entries: () => [...shown.values()] };
}
