// The worker that holds the image: previews while a slider moves, the full size when it is sent.

import { develop, meter } from "./develop.js";
import { turnedSize } from "./edits.js";
import { greyscale, rotate, toneCurve } from "./pixels.js";
import { findSkew } from "./skew.js";

const PREVIEW_PIXELS = 1600; // on the long side: more than any stage of the page shows
const JPEG_QUALITY = 0.95;
const LOSSLESS = new Set(["image/png", "image/bmp"]);

let source = null; // {bitmap, type}
let kept = { key: null, image: null }; // the preview as far as it depends on turn, crop and angle

const actions = {
  async open({ blob }) {
    source?.bitmap.close();
    kept = { key: null, image: null };
    source = { bitmap: await createImageBitmap(blob, { imageOrientation: "from-image" }), type: blob.type };
    return { width: source.bitmap.width, height: source.bitmap.height };
  },

  async preview({ edits }) {
    const straight = previewOf(edits);
    const { counts, threshold } = meter(straight, edits);
    const image = new ImageData(straight.data.slice(), straight.width, straight.height);
    develop(image, edits, threshold);
    return { bitmap: await createImageBitmap(image), counts, threshold };
  },

  async skew({ edits }) {
    const { width, height, data } = previewOf({ ...edits, angle: 0 });
    return { degrees: findSkew(greyscale({ data }, toneCurve(edits)), width, height) };
  },

  async render({ edits }) {
    const { threshold } = meter(previewOf(edits), edits);
    const { width, height, data } = straighten(frame(edits, Infinity), edits.angle);
    const image = new ImageData(data, width, height);
    develop(image, edits, threshold);
    const canvas = new OffscreenCanvas(width, height);
    canvas.getContext("2d").putImageData(image, 0, 0);
    const isLossless = edits.binarize !== "off" || LOSSLESS.has(source.type);
    const type = isLossless ? "image/png" : "image/jpeg";
    return { blob: await canvas.convertToBlob({ type, quality: JPEG_QUALITY }) };
  },
};

function previewOf({ turn, crop, angle }) {
  const key = JSON.stringify([turn, crop, angle]);
  if (kept.key !== key) kept = { key, image: straighten(frame({ turn, crop }, PREVIEW_PIXELS), angle) };
  return kept.image;
}

function straighten(image, angle) {
  return angle ? rotate(image, angle) : image;
}

/** The source turned by quarters and cropped, on white where it is transparent, at most so long. */
function frame({ turn, crop }, longest) {
  const { bitmap } = source;
  const whole = turnedSize(bitmap, turn);
  const [left, top, right, bottom] = crop ?? [0, 0, whole.width, whole.height];
  const scale = Math.min(1, longest / Math.max(right - left, bottom - top));
  const width = Math.max(1, Math.round((right - left) * scale));
  const height = Math.max(1, Math.round((bottom - top) * scale));
  const context = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
  context.fillStyle = "#fff";
  context.fillRect(0, 0, width, height);
  context.imageSmoothingQuality = "high";
  context.scale(width / (right - left), height / (bottom - top));
  context.translate(whole.width / 2 - left, whole.height / 2 - top);
  context.rotate((turn * Math.PI) / 2);
  context.drawImage(bitmap, -bitmap.width / 2, -bitmap.height / 2);
  return context.getImageData(0, 0, width, height);
}

addEventListener("message", async ({ data: { id, action, ...request } }) => {
  try {
    const answer = await actions[action](request);
    postMessage({ id, ...answer }, answer.bitmap ? [answer.bitmap] : []);
  } catch (error) {
    postMessage({ id, error: error.name });
  }
});
