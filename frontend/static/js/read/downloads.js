// What was read, as files. Lines of text and JSON are made here, the other forms by the service.
import { patiently, Problem } from "../shared/api.js";
import { element, save } from "../shared/dom.js";
import { t } from "../shared/i18n.js";
import { jobs, wholeAnswers } from "./jobs.js";
import { listenToMenu } from "../shared/menus.js";
import { notify } from "../shared/notices.js";
import { hasPicture } from "./pictures.js";
import { jobShown } from "./results.js";
import { isLines, listen as listenToShape, render, shape } from "./shapes.js";

const WITHOUT_SERVICE = { txt: asText, json: asJson };

export function listen() {
  listenToShape();
  listenToMenu(element("download"), (button) => download(button.dataset.format));
  for (const button of element("panel-fields").querySelectorAll("[data-format]")) {
    button.addEventListener("click", () => download(button.dataset.format));
  }
}

async function download(format) {
  const separate = element("download-separate").checked;
  const wantsAll = separate || element("download-all").checked;
  const chosen = wantsAll ? [...jobs.values()].filter((job) => wholeAnswers(job).length) : [jobShown()];
  const found = chosen.flatMap((job) => wholeAnswers(job).map((whole) => ({ ...whole, job })));
  const isMadeHere = format === "json" || (format === "txt" && isLines() && !separate);
  const name = nameOf(found, wantsAll, isMadeHere || !separate ? format : "zip");
  if (isMadeHere) return save(WITHOUT_SERVICE[format](found), name);
  const bare = format === "pdf" && found.find(({ job }) => !hasPicture(job));
  if (bare) return notify(t("result.download.no_image", { name: bare.name }), { bad: true });
  const notice = notify(t("result.download.preparing"), { seconds: 0 });
  try {
    save(await patiently(() => file(format, separate, found)), name);
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem;
    notify(problem.sentence, { bad: true });
  } finally {
    notice.close();
  }
}

function nameOf(found, isOfAll, ending) {
  const [file] = found[0].name.split("/").slice(-1);
  return `${isOfAll ? "ocr" : file.replace(/\.[^.]+$/, "")}.${ending}`;
}

async function file(format, separate, found) {
  const pictures = found.map(({ job, name }) => ({ file: job.adjusted ?? job.blob, name }));
  const fields = format === "txt" ? shape() : { format };
  const response = await render({ ...fields, separate }, found, format === "pdf" ? pictures : []);
  return response.blob();
}

function asText(found) {
  const several = found.length > 1;
  const parts = found.map(({ name, answer }) => (several ? `==> ${name} <==\n${answer.text}` : answer.text));
  return new Blob([`${parts.join("\n\n")}\n`], { type: "text/plain" });
}

function asJson(found) {
  const answers = found.map(({ name, answer }) => ({ file: name, ...answer }));
  const content = found.length > 1 ? answers : found[0].answer;
  return new Blob([`${JSON.stringify(content, null, 1)}\n`], { type: "application/json" });
}
