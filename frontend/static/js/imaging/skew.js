// How far the lines of a page are from level.

import { windowMean, windowPixels } from "./pixels.js";

export const MOST_DEGREES = 15;

const COARSE = 0.5;
const FINE = 0.1;
const WINDOW_PERCENT = 4;
const CONTRAST = 14; // levels by which ink differs from what is around it
const BLOCK = 4; // columns that are counted together: along a line less must be seen than across it
const LAG = 3; // rows apart that are compared: less follows the noise, more blurs the edge of a line
const LEAST_GAIN = 1.3; // a profile that is no sharper than this at its best has no lines to go by

/** Degrees clockwise by which grey must be turned so that its lines are level; null if no lines show.

    At that angle the counts of ink in neighbouring rows differ most: Postl, Detection of linear oblique
    structures and skew scan in digitized documents, 1986. Meant for a preview of 1000 to 2000 pixels. */
export function findSkew(grey, width, height) {
  const ink = findInk(grey, width, height);
  const sharpness = (degrees) => [profileSharpness(ink, width, height, degrees), degrees];
  const coarse = angles(-MOST_DEGREES, MOST_DEGREES, COARSE).map(sharpness);
  const usual = coarse.map(([value]) => value).sort((a, b) => a - b)[coarse.length >> 1];
  const [value, about] = largest(coarse);
  if (!(value > LEAST_GAIN * usual)) return null;
  const near = angles(Math.max(about - COARSE, -MOST_DEGREES), Math.min(about + COARSE, MOST_DEGREES), FINE);
  const [, degrees] = largest(near.map(sharpness));
  return Math.round(degrees * 10) / 10 || 0; // never -0
}

function angles(from, to, step) {
  return Array.from({ length: Math.round((to - from) / step) + 1 }, (_, index) => from + index * step);
}

function largest(pairs) {
  return pairs.reduce((best, pair) => (pair[0] > best[0] ? pair : best));
}

/** Where ink is, as x, y and the count of its pixels. Ink may be dark or light: it is the rarer of both. */
function findInk(grey, width, height) {
  const means = windowMean(grey, width, height, windowPixels(WINDOW_PERCENT, width, height));
  const dark = countBlocks(width, height, (at) => means[at] - grey[at] > CONTRAST);
  const light = countBlocks(width, height, (at) => grey[at] - means[at] > CONTRAST);
  return dark.total < light.total ? dark.ink : light.ink;
}

function countBlocks(width, height, isInk) {
  const ink = [];
  let total = 0;
  for (let y = 0; y < height; y++) {
    for (let left = 0; left < width; left += BLOCK) {
      let count = 0;
      for (let x = left; x < Math.min(left + BLOCK, width); x++) count += isInk(y * width + x);
      if (count) ink.push(left + BLOCK / 2, y, count);
      total += count;
    }
  }
  return { ink: Int16Array.from(ink), total };
}

function profileSharpness(ink, width, height, degrees) {
  const sin = Math.sin((degrees * Math.PI) / 180);
  const cos = Math.cos((degrees * Math.PI) / 180);
  const rows = new Float32Array(width + height + BLOCK);
  const start = degrees < 0 ? -sin * (width + BLOCK) : 0;
  for (let at = 0; at < ink.length; at += 3) {
    const y = ink[at] * sin + ink[at + 1] * cos + start;
    const below = y - (y | 0);
    rows[y | 0] += ink[at + 2] * (1 - below);
    rows[(y | 0) + 1] += ink[at + 2] * below;
  }
  let sharpness = 0;
  for (let y = LAG; y < rows.length; y++) sharpness += (rows[y] - rows[y - LAG]) ** 2;
  return sharpness;
}
