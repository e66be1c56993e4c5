// The worker that holds the image: previews while a slider moves, the full size when it is sent.

import { develop } from "./develop.js";
import { turnedSize } from "./edits.js";
import { greyscale, rotate, toneCurve } from "./pixels.js";
import { findSkew } from "./skew.js";

// Long sides of previews: as sharp as any stage of the page, and fast enough to follow a slider.
const FINE_PIXELS = 1600;
const DRAFT_PIXELS = 960;
const JPEG_QUALITY = 0.95;
const LOSSLESS = new Set(["image/png", "image/bmp"]);

let source = null; // {bitmap, small, width, height, type}; drafts are made of the small one
const kept = new Map(); // stages of drafts and of fine previews, so that a slider starts from the one before its own

const actions = {
  async open({ blob }) {
    source?.bitmap.close();
    const bitmap = await createImageBitmap(blob, { imageOrientation: "from-image" });
    const { width, height } = bitmap;
    source = { bitmap, width, height, type: blob.type };
    source.small = frame(bitmap, { turn: 0, crop: null }, FINE_PIXELS);
    kept.clear();
    return { width, height };
  },

  async preview({ edits, isDraft }) {
    const image = previewOf(edits, isDraft);
    const found = develop(image, edits);
    return { bitmap: await createImageBitmap(image), ...found };
  },

  async skew({ edits }) {
    const image = previewOf({ ...edits, angle: 0 });
    return { degrees: findSkew(greyscale(image, toneCurve(edits)), image.width, image.height) };
  },

  async render({ edits }) {
    // The preview's threshold: what is sent is what was seen.
    const { threshold } = develop(previewOf(edits), edits);
    const image = straighten(pixelsOf(frame(source.bitmap, edits, Infinity)), edits.angle);
    develop(image, edits, threshold);
    const canvas = new OffscreenCanvas(image.width, image.height);
    canvas.getContext("2d").putImageData(image, 0, 0);
    const isLossless = edits.binarize !== "off" || LOSSLESS.has(source.type);
    const type = isLossless ? "image/png" : "image/jpeg";
    return { blob: await canvas.convertToBlob({ type, quality: JPEG_QUALITY }) };
  },
};

/** A copy of the preview, turned, cropped and straight. */
function previewOf({ turn, crop, angle }, isDraft = false) {
  const [image, longest] = isDraft ? [source.small, DRAFT_PIXELS] : [source.bitmap, FINE_PIXELS];
  const framed = keep(`framed ${longest}`, [turn, crop], () => pixelsOf(frame(image, { turn, crop }, longest)));
  const straight = keep(`straight ${longest}`, [turn, crop, angle], () => straighten(framed, angle));
  return new ImageData(straight.data.slice(), straight.width, straight.height);
}

function keep(stage, made, make) {
  const key = JSON.stringify(made);
  if (kept.get(stage)?.key !== key) kept.set(stage, { key, value: make() });
  return kept.get(stage).value;
}

function straighten(image, angle) {
  if (!angle) return image;
  const { width, height, data } = rotate(image, angle);
  return new ImageData(data, width, height);
}

function pixelsOf(canvas) {
  return canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
}

/** The source, or an image of it, turned by quarters and cropped, on white where it is transparent. */
function frame(image, { turn, crop }, longest) {
  const whole = turnedSize(source, turn);
  const [left, top, right, bottom] = crop ?? [0, 0, whole.width, whole.height];
  const scale = Math.min(1, longest / Math.max(right - left, bottom - top));
  const width = Math.max(1, Math.round((right - left) * scale));
  const height = Math.max(1, Math.round((bottom - top) * scale));
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.fillStyle = "#fff";
  context.fillRect(0, 0, width, height);
  context.imageSmoothingQuality = "high";
  context.scale(width / (right - left), height / (bottom - top));
  context.translate(whole.width / 2 - left, whole.height / 2 - top);
  context.rotate((turn * Math.PI) / 2);
  context.drawImage(image, -source.width / 2, -source.height / 2, source.width, source.height);
  return canvas;
}

addEventListener("message", async ({ data: { id, action, ...request } }) => {
  try {
    const answer = await actions[action](request);
    postMessage({ id, ...answer }, answer.bitmap ? [answer.bitmap] : []);
  } catch (error) {
    postMessage({ id, error: error.name });
  }
});
