// How the reading goes: the connection, the figures, and the lines that are shown now.
import { element, make } from "../shared/dom.js";
import { formatNumber, t } from "../shared/i18n.js";

let written = "";

/** The connection, as openStream tells of it, with what is wrong. */
export function showState(name, sentence = "", seconds = null) {
  const [badge, advice] = [element("live-state"), element("live-advice")];
  const said = seconds ? t("problem.waiting", { sentence, seconds: formatNumber(seconds) }) : sentence;
  if (badge.dataset.state === name && advice.textContent === said) return;
  badge.dataset.state = name;
  badge.textContent = t(`live.state.${name}`);
  advice.textContent = said;
  advice.hidden = !said;
  element("live-again").hidden = !["waiting", "failed"].includes(name);
}

/** What is shown now, from top to bottom; null where nobody knows. */
export function showLines(entries) {
  const words = (entries ?? []).map(({ text }) => text);
  element("live-nothing").hidden = !entries || words.length > 0;
  element("live-shown").hidden = !words.length;
  if (words.join("\n") === written) return;
  written = words.join("\n");
  element("live-shown").replaceChildren(...words.map((text) => make("li", {}, text)));
}

export function showFigures({ perSecond, sent, dropped, elapsed, roundTrip }) {
  const figures = {
    rate: formatNumber(perSecond),
    sent: formatNumber(sent),
    dropped: formatNumber(dropped),
    elapsed: asTime(elapsed),
    trip: asTime(roundTrip),
  };
  for (const [name, value] of Object.entries(figures)) element(`live-${name}`).textContent = value;
}

const asTime = (duration) => (duration === null ? "–" : `${formatNumber(Math.round(duration))} ms`);
