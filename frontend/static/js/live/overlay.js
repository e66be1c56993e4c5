// Lines drawn over the picture that they were read in. The SVG has the frame's own coordinates, and is
// letterboxed as the video is, so it fits at any size.
import { draw } from "../shared/dom.js";

const LETTERS = 0.74; // of a line's height
const TALL = 1.5; // heights of a line that stands, in widths

/** Draw the lines of an answer in a picture of this size. `style`: "text", "outlines" or "nothing". */
export function drawLines(svg, lines, picture, style) {
  svg.setAttribute("viewBox", `0 0 ${picture.width} ${picture.height}`);
  svg.replaceChildren(...(style === "nothing" ? [] : lines.map((line) => drawLine(line, style))));
}

function drawLine({ polygon, text }, style) {
  const points = polygon.map((point) => point.join(",")).join(" ");
  const outline = draw("polygon", { points, class: style });
  return style === "text" ? draw("g", {}, outline, drawText(polygon, text)) : outline;
}

/** The text in the line's place, as wide and as slanted as it is there. */
function drawText([topLeft, topRight, , bottomLeft], text) {
  const width = distance(topLeft, topRight);
  const height = distance(topLeft, bottomLeft);
  const stands = height > TALL * width && text.length > 1;
  const [start, along, across] = stands ? [topRight, bottomLeft, width] : [topLeft, topRight, height];
  const [from, to] = stands ? [topLeft, bottomLeft] : [topLeft, topRight];
  const angle = (Math.atan2(to[1] - from[1], to[0] - from[0]) * 180) / Math.PI;
  const length = stands ? height : distance(start, along);
  return draw(
    "text",
    {
      x: length * 0.01,
      y: across / 2,
      "font-size": across * LETTERS,
      textLength: length * 0.98,
      lengthAdjust: "spacingAndGlyphs",
      transform: `translate(${start.join(" ")}) rotate(${angle})`,
    },
    text,
  );
}

const distance = ([x, y], [otherX, otherY]) => Math.hypot(otherX - x, otherY - y);
