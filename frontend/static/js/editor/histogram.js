// How bright the pixels are, and where the threshold parts them.
import { draw } from "../shared/dom.js";
import { t } from "../shared/i18n.js";

const HEIGHT = 48;

/** A drawing with `show(counts, threshold)`; a threshold of null is not marked. */
export function createHistogram() {
  const bars = draw("path", { class: "bars" });
  const mark = draw("line", { class: "mark", y1: 0, y2: HEIGHT });
  const shape = { viewBox: `0 0 256 ${HEIGHT}`, preserveAspectRatio: "none" };
  const drawing = draw("svg", { class: "histogram", role: "img", ...shape }, bars, mark);
  return {
    drawing,
    show(counts, threshold) {
      bars.setAttribute("d", outline(counts));
      mark.setAttribute("visibility", threshold === null ? "hidden" : "visible");
      mark.setAttribute("x1", threshold ?? 0);
      mark.setAttribute("x2", threshold ?? 0);
      const label = threshold === null ? t("editor.brightnesses") : t("editor.histogram", { threshold });
      drawing.setAttribute("aria-label", label);
    },
  };
}

/** By roots, so that ink, always rarer than paper, is seen beside it. */
function outline(counts) {
  const roots = Array.from(counts, Math.cbrt);
  const most = Math.max(...roots) || 1;
  const tops = roots.map((root, level) => `L${level} ${(HEIGHT * (1 - root / most)).toFixed(1)}`);
  return `M0 ${HEIGHT}${tops.join("")}L255 ${HEIGHT}Z`;
}
