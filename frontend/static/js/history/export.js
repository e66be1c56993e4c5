// What is wanted as a file. A link could not carry a key, so the file is fetched.
import { Problem, send } from "../api.js";
import { element, save } from "../elements.js";
import { t } from "../i18n.js";
import { notify } from "../notices.js";
import { asQuery } from "./conditions.js";

/** Let the menu save the records that wanted() names. */
export function offerExport(wanted) {
  const menu = element("history-export");
  menu.addEventListener("click", (event) => {
    const { format } = event.target.closest("button")?.dataset ?? {};
    if (!format) return;
    close();
    download(wanted(), format);
  });
  menu.addEventListener("keydown", (event) => event.key === "Escape" && menu.open && close());
  menu.addEventListener("focusout", ({ relatedTarget }) => {
    if (relatedTarget && !menu.contains(relatedTarget)) menu.open = false;
  });
  document.addEventListener("click", ({ target }) => {
    if (!menu.contains(target)) menu.open = false;
  });

  function close() {
    menu.open = false;
    menu.querySelector("summary").focus();
  }
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
