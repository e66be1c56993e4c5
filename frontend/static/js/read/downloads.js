// What was read, as files. Text and JSON are made here, the other forms by the service.
import { patiently, Problem, send } from "../shared/api.js";
import { element, save } from "../shared/dom.js";
import { t } from "../shared/i18n.js";
import { jobs, wholeAnswers } from "./jobs.js";
import { listenToMenu } from "../shared/menus.js";
import { notify } from "../shared/notices.js";
import { hasPicture } from "./pictures.js";
import { jobShown } from "./results.js";

const WITHOUT_SERVICE = { txt: asText, json: asJson };

export function listen() {
  listenToMenu(element("download"), (button) => download(button.dataset.format));
}

async function download(format) {
  const wantsAll = element("download-all").checked;
  const chosen = wantsAll ? [...jobs.values()].filter((job) => wholeAnswers(job).length) : [jobShown()];
  const found = chosen.flatMap((job) => wholeAnswers(job).map((whole) => ({ ...whole, job })));
  const name = `${
    wantsAll
      ? "ocr"
      : found[0].name
          .split("/")
          .pop()
          .replace(/\.[^.]+$/, "")
  }.${format}`;
  if (format in WITHOUT_SERVICE) return save(WITHOUT_SERVICE[format](found), name);
  const bare = format === "pdf" && found.find(({ job }) => !hasPicture(job));
  if (bare) return notify(t("result.download.no_image", { name: bare.name }), { bad: true });
  const notice = notify(t("result.download.preparing"), { seconds: 0 });
  try {
    save(await patiently(() => render(format, found)), name);
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem;
    notify(problem.sentence, { bad: true });
  } finally {
    notice.close();
  }
}

async function render(format, found) {
  const form = new FormData();
  form.append("format", format);
  form.append("answers", JSON.stringify(found.map(({ name, answer }) => ({ name, answer }))));
  for (const { job, name } of format === "pdf" ? found : [])
    form.append("image", job.adjusted ?? job.blob, name);
  const response = await send("/render", { method: "POST", body: form });
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
