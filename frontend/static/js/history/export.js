// What is wanted as a file. A link could not carry a key, so the file is fetched.
import { Problem, send } from "../shared/api.js";
import { element, save } from "../shared/dom.js";
import { t } from "../shared/i18n.js";
import { listenToMenu } from "../shared/menus.js";
import { notify } from "../shared/notices.js";
import { asQuery } from "./conditions.js";

/** Let the menu save the records that wanted() names. */
export function offerExport(wanted) {
  listenToMenu(element("history-export"), (button) => download(wanted(), button.dataset.format));
}

async function download(wanted, format) {
  const notice = notify(t("history.export.doing"), { seconds: 0 });
  const query = asQuery(wanted);
  query.set("format", format);
  const name = `history.${format}`;
  try {
    const response = await send(`/history/export?${query}`);
    save(await response.blob(), name);
    notify(t("history.export.done", { name }));
  } catch (problem) {
    notify(problem instanceof Problem ? problem.sentence : t("history.export.broken"), { bad: true });
  } finally {
    notice.close();
  }
}
