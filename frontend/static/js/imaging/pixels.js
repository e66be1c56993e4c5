// Pixels in, pixels out: pure functions on typed arrays, the same for the preview and for the full size.
// An image is {width, height, data}, data RGBA of 8 bits as in ImageData; grey is a Uint8Array of width * height.

// Weights of ITU-R BT.601 in fixed point, as OpenCV has them.
const RED = 9798;
const GREEN = 19235;
const BLUE = 3735;
const WEIGHT_BITS = 15;

// Positions in 65536ths of a pixel, and shares in sixteenths: those of four pixels add up to exactly 256.
const PLACE_BITS = 16;
const SHARE_BITS = 4;
const SHARES = 1 << SHARE_BITS;

// A pixel is a word of 32 bits, red lowest: browsers run on little-endian machines.
const ODD = 0x00ff00ff;
const EVEN = 0x0000ff00;
const OPAQUE = 0xff000000;

/** What each level 0..255 becomes: contrast turns about the middle grey, up to four times as steep or flat. */
export function toneCurve({ contrast, brightness }) {
  const gain = 2 ** (contrast / 50);
  return Uint8ClampedArray.from({ length: 256 }, (_, level) => (level - 128) * gain + 128 + brightness * 1.28);
}

/** The grey of an image after the tone curve. */
export function greyscale({ data }, curve) {
  const pixels = wordsOf(data);
  const grey = new Uint8Array(pixels.length);
  const [red, green, blue] = [RED, GREEN, BLUE].map((weight) => Int32Array.from(curve, (level) => level * weight));
  for (let at = 0; at < grey.length; at++) {
    const pixel = pixels[at];
    const sum = red[pixel & 255] + green[(pixel >>> 8) & 255] + blue[(pixel >>> 16) & 255];
    grey[at] = (sum + (1 << (WEIGHT_BITS - 1))) >> WEIGHT_BITS;
  }
  return grey;
}

/** Puts the colours of an image through a curve, in place. */
export function applyCurve({ data }, curve) {
  const pixels = wordsOf(data);
  for (let at = 0; at < pixels.length; at++) {
    const pixel = pixels[at];
    const low = curve[pixel & 255] | (curve[(pixel >>> 8) & 255] << 8);
    pixels[at] = low | (curve[(pixel >>> 16) & 255] << 16) | OPAQUE;
  }
}

/** How many pixels have each of the 256 levels. */
export function histogram(grey) {
  const counts = new Uint32Array(256);
  for (let at = 0; at < grey.length; at++) counts[grey[at]]++;
  return counts;
}

/** The threshold that parts the levels into two classes as distinct as can be: paper is what lies above it.
    Otsu, A threshold selection method from gray-level histograms, 1979. */
export function otsuThreshold(counts) {
  const total = counts.reduce((sum, count) => sum + count, 0);
  const mean = counts.reduce((sum, count, level) => sum + count * level, 0) / total;
  let [best, threshold, below, moment] = [0, 0, 0, 0];
  for (let level = 0; level < 256; level++) {
    below += counts[level] / total;
    moment += (counts[level] / total) * level;
    if (below <= 0 || below >= 1) continue;
    const variance = (mean * below - moment) ** 2 / (below * (1 - below));
    if (variance > best) [best, threshold] = [variance, level];
  }
  return threshold;
}

/** The mean of the square window around each pixel, the edge repeated beyond the image.
    Sums run along columns and rows, so its time does not depend on the window. */
export function windowMean(grey, width, height, window) {
  const radius = window >> 1;
  const means = new Uint8Array(grey.length);
  const columns = new Int32Array(width);
  for (let dy = -radius - 1; dy < radius; dy++) addRow(columns, grey, clamp(dy, height) * width, 1);
  for (let y = 0; y < height; y++) {
    addRow(columns, grey, clamp(y + radius, height) * width, 1);
    addRow(columns, grey, clamp(y - radius - 1, height) * width, -1);
    meanRow(columns, radius, means, y * width);
  }
  return means;
}

function addRow(columns, grey, start, sign) {
  for (let x = 0; x < columns.length; x++) columns[x] += sign * grey[start + x];
}

function meanRow(columns, radius, means, start) {
  const width = columns.length;
  const share = 1 / (2 * radius + 1) ** 2;
  let sum = 0;
  for (let dx = -radius - 1; dx < radius; dx++) sum += columns[clamp(dx, width)];
  for (let x = 0; x < width; x++) {
    sum += columns[clamp(x + radius, width)] - columns[clamp(x - radius - 1, width)];
    means[start + x] = sum * share + 0.5;
  }
}

function clamp(at, length) {
  return at < 0 ? 0 : at < length ? at : length - 1;
}

/** Black or white: each pixel against one threshold. */
export function binarize(grey, threshold) {
  const black = new Uint8Array(grey.length);
  for (let at = 0; at < grey.length; at++) black[at] = grey[at] > threshold ? 255 : 0;
  return black;
}

/** Black or white: each pixel against the mean of its window, moved by an offset.
    After Bradley and Roth, Adaptive thresholding using the integral image, 2007; the offset as OpenCV has it. */
export function binarizeAdaptive(grey, width, height, window, offset) {
  const black = windowMean(grey, width, height, window);
  for (let at = 0; at < grey.length; at++) black[at] = grey[at] > black[at] + offset ? 255 : 0;
  return black;
}

/** The window in pixels, odd as it has a middle: a percentage of the longer side, so that sizes agree. */
export function windowPixels(percent, width, height) {
  return 2 * Math.max(1, Math.round((Math.max(width, height) * percent) / 200)) + 1;
}

/** Writes grey into the colours of an image. */
export function paintGrey({ data }, grey) {
  const pixels = wordsOf(data);
  for (let at = 0; at < grey.length; at++) pixels[at] = (grey[at] * 0x010101) | OPAQUE;
}

export function invert({ data }) {
  const pixels = wordsOf(data);
  for (let at = 0; at < pixels.length; at++) pixels[at] ^= 0x00ffffff;
}

/** Width and height of an image that is turned by degrees and shown whole. */
export function rotatedSize({ width, height }, degrees) {
  const [wide, high] = direction(degrees).map(Math.abs);
  return { width: Math.round(width * wide + height * high), height: Math.round(width * high + height * wide) };
}

function direction(degrees) {
  const radians = (degrees * Math.PI) / 180;
  return [Math.cos(radians), Math.sin(radians)];
}

/** The image turned clockwise by degrees, as large as it needs; the new corners get the colour of its border. */
export function rotate(image, degrees) {
  const [cos, sin] = direction(degrees);
  const { width, height } = rotatedSize(image, degrees);
  const turned = { width, height, data: new Uint8ClampedArray(4 * width * height) };
  const pixels = wordsOf(turned.data).fill(borderColour(image));
  for (let y = 0; y < height; y++) {
    const [dx, dy] = [-(width - 1) / 2, y - (height - 1) / 2];
    const left = cos * dx + sin * dy + (image.width - 1) / 2;
    const top = cos * dy - sin * dx + (image.height - 1) / 2;
    sampleRow(image, [left, top], [cos, -sin], pixels.subarray(y * width, (y + 1) * width));
  }
  return turned;
}

/** Fills a row with what lies along a straight way through an image, between four pixels each. */
function sampleRow({ width, height, data }, start, step, row) {
  const pixels = wordsOf(data);
  const half = 1 << (PLACE_BITS - SHARE_BITS - 1);
  let [x, y] = start.map((place) => Math.round(place * 2 ** PLACE_BITS) + half);
  const [stepX, stepY] = step.map((place) => Math.round(place * 2 ** PLACE_BITS));
  const [endX, endY] = [width, height].map((length) => ((length - 1) << PLACE_BITS) + half);
  for (let at = 0; at < row.length; at++, x += stepX, y += stepY) {
    if (x < 0 || y < 0 || x > endX || y > endY) continue;
    const corner = (y >> PLACE_BITS) * width + (x >> PLACE_BITS);
    const fraction = PLACE_BITS - SHARE_BITS;
    row[at] = blend(pixels, corner, width, (x >> fraction) & (SHARES - 1), (y >> fraction) & (SHARES - 1));
  }
}

/** Four pixels by their shares, which add up to 256: red with blue, and green, in one multiplication each. */
function blend(pixels, corner, width, right, low) {
  const a = pixels[corner];
  const b = right ? pixels[corner + 1] : a;
  const c = low ? pixels[corner + width] : a;
  const d = right && low ? pixels[corner + width + 1] : right ? b : c;
  const left = SHARES - right;
  const high = SHARES - low;
  const redBlue =
    Math.imul(a & ODD, left * high) + Math.imul(b & ODD, right * high) +
    Math.imul(c & ODD, left * low) + Math.imul(d & ODD, right * low);
  const green =
    (a & EVEN) * left * high + (b & EVEN) * right * high + (c & EVEN) * left * low + (d & EVEN) * right * low;
  return ((redBlue >>> 8) & ODD) | ((green >>> 8) & EVEN) | OPAQUE;
}

/** The usual colour along the border: the median of each channel, as one word. */
function borderColour({ width, height, data }) {
  const counts = [0, 1, 2].map(() => new Uint32Array(256));
  const count = (x, y) => counts.forEach((levels, channel) => levels[data[4 * (y * width + x) + channel]]++);
  for (let x = 0; x < width; x++) [0, height - 1].forEach((y) => count(x, y));
  for (let y = 0; y < height; y++) [0, width - 1].forEach((x) => count(x, y));
  const [red, green, blue] = counts.map((levels) => median(levels, width + height));
  return (red | (green << 8) | (blue << 16) | OPAQUE) >>> 0;
}

function median(counts, half) {
  let seen = 0;
  return counts.findIndex((count) => (seen += count) >= half);
}

function wordsOf(data) {
  return new Uint32Array(data.buffer, data.byteOffset, data.length / 4);
}
