// Correcting what was read: in the job, and in the history.
import { call, patiently, Problem } from "../shared/api.js";
import { notify } from "../shared/notices.js";
import { correct } from "./corrections.js";
import { allItems, replaceItem } from "./jobs.js";

/** Have the lines of a sheet, by their index on it, say these texts; null: what was read. */
export function correctLines(sheet, texts) {
  const said = [...texts]
    .filter(([index, text]) => text !== sheet.answer.lines[index].text)
    .map(([index, text]) => [sheet.first + index, text])
    .map(([index, text]) => ({ index, text: text ?? sheet.item.result.lines[index].text }));
  if (!said.length) return;
  const item = said.reduce((done, { index, text }) => correct(done, index, text), sheet.item);
  replaceItem(sheet.job, item);
  const page = item.page ? { page: item.page } : {}; // of a task: the record is that of all pages
  keepInHistory(
    sheet.job,
    item,
    said.map((line) => ({ ...line, ...page })),
  );
}

/** One after the other, so that the last one stands in the end. */
let keeping = Promise.resolve();

function keepInHistory(job, item, lines) {
  const id = item.result.history_id;
  if (!id) return;
  keeping = keeping
    .then(() => patiently(() => call(`/history/${id}`, { method: "PATCH", json: { lines } })))
    .then(({ fields }) => fields && renewFields(job, item, fields))
    .catch((problem) => {
      if (!(problem instanceof Problem)) throw problem;
      notify(problem.sentence, { bad: true });
    });
}

/** The fields are those of the lines as corrected; by now there may be other corrections. */
function renewFields(job, { item, page }, fields) {
  const now = allItems(job).find((one) => one.item === item && one.page === page);
  if (now) replaceItem(job, { ...now, result: { ...now.result, fields } });
}
