// Which lines are sure: those at least as probably right as the service's calibration asks for.
import { call, patiently } from "../shared/api.js";

const TRIES = 5;
const PAUSE_MS = 1500;

let threshold = null;
let asked = null;

/** What GET /models says, asked for once. Rejects with Problem. */
export function models() {
  asked ??= ask().then((answer) => {
    threshold = answer.sure_threshold;
    return answer;
  });
  return asked;
}

/** A service that has just started may not have heard yet what its models say of themselves. */
async function ask() {
  for (let tries = 1; ; tries += 1) {
    const answer = await patiently(() => call("/models"));
    if (tries === TRIES || answer.models.every(({ about }) => Object.keys(about).length)) return answer;
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
}

/** The share from which on a line is sure; null as long as the service has not said. */
export const sureThreshold = () => threshold;

/** A line that somebody has corrected is. */
export const isSure = (line) =>
  threshold === null || line.corrected !== undefined || line.confidence >= threshold;

/** The next line after `index` that is not sure, from the first one on again; null if all are. */
export function nextUnsure(lines, index = -1) {
  const unsure = lines.flatMap((line, number) => (isSure(line) ? [] : [number]));
  return unsure.find((number) => number > index) ?? unsure[0] ?? null;
}
