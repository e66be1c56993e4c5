// What the reader has corrected, laid over what the service read.

const made = new WeakMap(); // answers with their corrections, by answer

/** The answer of an item as corrected: such lines have `corrected`, the text they had; the texts are made anew. */
export function corrected({ result, corrections = [] }) {
  if (!corrections.length) return result;
  const known = made.get(result);
  if (known?.corrections === corrections) return known.answer;
  const answer = withCorrections(result, corrections);
  made.set(result, { corrections, answer });
  return answer;
}

/** The item with this text in the line; without the correction, if it is what was read. */
export function correct(item, line, after) {
  const before = item.result.lines[line].text;
  const others = (item.corrections ?? []).filter((one) => one.line !== line);
  const own = after === before ? [] : [{ line, before, after, at: new Date().toISOString() }];
  return { ...item, corrections: [...others, ...own] };
}

/** The corrections of a record in a page of it, counted from the first line there; without a page, all. */
export function correctionsOf({ lines, corrections = [] }, page) {
  if (!page) return corrections;
  const first = lines.findIndex((line) => line.page === page);
  const own = corrections.filter(({ line }) => lines[line].page === page);
  return own.map((one) => ({ ...one, line: one.line - first }));
}

/** A record of the history as an item: with the text that was read, and the corrections apart. */
export function itemOfRecord(record, name) {
  const { corrections = [], ...result } = record;
  const before = new Map(corrections.map((one) => [one.line, one.before]));
  const lines = result.lines.map((line, index) =>
    before.has(index) ? { ...line, text: before.get(index) } : line,
  );
  const pages = result.pages && pagesWith(result.pages, lines);
  return {
    item: "0",
    name,
    state: "success",
    result: { ...result, lines, ...(pages && { pages }) },
    corrections,
  };
}

function withCorrections(result, corrections) {
  const byLine = new Map(corrections.map((one) => [one.line, one]));
  const lines = result.lines.map((line, index) =>
    byLine.has(index) ? correctedLine(line, byLine.get(index)) : line,
  );
  const pages = result.pages && pagesWith(result.pages, lines);
  const text = pages ? pages.map((page) => page.text).join("\n\n") : joined(lines);
  return { ...result, text, lines, ...(pages && { pages }), corrections };
}

/** The places of its characters are not known any more. */
function correctedLine({ chars: _, ...line }, { before, after }) {
  return { ...line, text: after, corrected: before };
}

/** The pages of a document with these lines, which are those of all pages. */
function pagesWith(pages, lines) {
  let first = 0;
  return pages.map((page) => {
    const own = lines.slice(first, first + page.lines.length);
    first += page.lines.length;
    return { ...page, lines: own, text: joined(own) };
  });
}

/** As the service joins them: a row on a line. */
function joined(lines) {
  const rows = Map.groupBy(lines, (line) => line.row);
  return [...rows.values()]
    .map((row) =>
      row
        .map(({ text }) => text)
        .filter(Boolean)
        .join(" "),
    )
    .filter(Boolean)
    .join("\n");
}
