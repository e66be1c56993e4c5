// What is said of a sheet: how much of it is sure, why it could not be read, by which model and how fast it was.
import { make } from "../shared/dom.js";
import { formatNumber, formatPercent, formatTime, t } from "../shared/i18n.js";
import { isSure, sureThreshold } from "./confidence.js";
import { describeOthers } from "./options.js";
import { hasPicture } from "./pictures.js";
import { describeWarning } from "./warnings.js";

/** A sentence on a job and the sheet of it that is shown. */
export function status(job, sheet) {
  if (!job) return t("result.choose");
  if (!sheet) return job.problem?.sentence ?? t(`state.${job.state}`, { percent: formatPercent(job.share) });
  if (sheet.problem) return t("result.page_failed", { reason: sheet.problem.sentence });
  const { warnings = [] } = sheet.whole;
  const warned = warnings.map(describeWarning);
  if (!sheet.answer.lines.length) return [t("result.nothing"), ...warned].join(" ");
  const about = [job.adjusted && t("result.processed"), !hasPicture(job) && t("stage.no_picture")];
  return [sureness(sheet.answer.lines), ...about.filter(Boolean), ...warned].join(" ");
}

function sureness(lines) {
  const values = { count: lines.length, sure: lines.filter(isSure).length };
  if (sureThreshold() === null) return t(values.count === 1 ? "result.found.one" : "result.found", values);
  if (values.sure === values.count)
    return t(values.count === 1 ? "result.sure.one" : "result.sure.all", values);
  return t("result.sure", values);
}

/** The facts of a sheet as parts of a <dl>. */
export function facts({ answer, whole, job: { adjusted, options } }) {
  const seconds = formatNumber(Math.max(whole.elapsed_ms / 1000, 0.1));
  const all = {
    "result.model": readBy(whole, answer.lines),
    "result.read_at": whole.timestamp && formatTime(whole.timestamp),
    "result.options": describeOthers(options),
    "result.time":
      whole.elapsed_ms && t(whole.cached ? "result.time.cached" : "result.time.value", { seconds }),
    "result.size": `${answer.width} × ${answer.height}${adjusted ? ` · ${t("stage.adjust")}` : ""}`,
    "result.turned": answer.angle ? `${answer.angle}°` : "",
  };
  const shown = Object.entries(all).filter(([, value]) => value);
  return shown.map(([name, value]) => make("div", {}, make("dt", {}, t(name)), make("dd", {}, value)));
}

/** The model and its version; of one that is several networks, also how many lines each of them read. */
function readBy({ model, model_version }, lines) {
  const counts = {};
  for (const line of lines) if (line.model) counts[line.model] = (counts[line.model] ?? 0) + 1;
  delete counts[model];
  const networks = Object.keys(counts).sort();
  return [`${model} ${model_version}`, ...networks.map((name) => `${name}: ${counts[name]}`)].join(" · ");
}
