// The pages of a document as small pictures, to go from one to another.
import { element, icon, make } from "../shared/dom.js";
import { t } from "../shared/i18n.js";
import { thumbnailOf } from "./pictures.js";

let shown = null; // whose pages are shown: the job's id, and how many

/** Show a sheet among all of its job; goTo(number) turns to another. */
export function showPages(sheets, number, goTo) {
  const place = element("pages");
  place.hidden = sheets.length < 2;
  const wanted = sheets.length < 2 ? null : `${sheets[0].job.id} ${sheets.length}`;
  if (wanted !== shown)
    place.replaceChildren(...(wanted ? sheets.map((sheet, n) => button(sheet, n, goTo)) : []));
  shown = wanted;
  for (const [index, item] of [...place.children].entries()) {
    item.firstElementChild.toggleAttribute("aria-current", index === number);
  }
  place.children[number]?.scrollIntoView({ block: "nearest", inline: "nearest" });
}

function button(sheet, number, goTo) {
  const picture = make("span.page-picture", {}, sheet.problem ? icon("alert") : icon("file"));
  const label = t("stage.page", { number: sheet.page ?? number + 1 });
  const open = make(
    "button.quiet",
    { type: "button", "aria-label": label, onclick: () => goTo(number) },
    picture,
    make("span.small", {}, `${sheet.page ?? number + 1}`),
  );
  whenSeen(open, () => draw(sheet, picture));
  return make("li", {}, open);
}

async function draw(sheet, picture) {
  const blob = await thumbnailOf(sheet).catch(() => null);
  if (!blob || !picture.isConnected) return;
  const url = URL.createObjectURL(blob);
  picture.replaceChildren(make("img", { src: url, alt: "", onload: () => URL.revokeObjectURL(url) }));
}

/** Once an element comes into view. */
function whenSeen(target, run) {
  const observer = new IntersectionObserver(([entry]) => {
    if (!entry.isIntersecting) return;
    observer.disconnect();
    run();
  });
  observer.observe(target);
}
