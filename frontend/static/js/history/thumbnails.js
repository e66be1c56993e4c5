// Small pictures of the images that were kept, fetched one after the other as they come into sight.
import { send } from "../shared/api.js";
import { icon, make } from "../shared/dom.js";

const SIDE = 144; // twice what is shown, for screens with fine pixels
const LEAST = 64; // of the shorter side; of a long line the beginning is shown
const wanted = new WeakMap();
let turn = Promise.resolve();

const watcher = new IntersectionObserver(
  (entries) => {
    for (const { target } of entries.filter((entry) => entry.isIntersecting)) {
      watcher.unobserve(target);
      turn = turn.then(() => fill(target));
    }
  },
  { rootMargin: "200px" },
);

/** A place for the picture of a record; a sign stands in it until then, or if no browser shows it. */
export function thumbnail(record) {
  const place = make("span.thumbnail", { "aria-hidden": "true" }, icon("file"));
  if (record.has_image) {
    wanted.set(place, record);
    watcher.observe(place);
  }
  return place;
}

async function fill(place) {
  if (!place.isConnected) return;
  const { id, width, height } = wanted.get(place);
  try {
    const blob = await (await send(`/history/${id}/image`)).blob();
    place.replaceChildren(paint(await shrink(blob, width, height)));
  } catch {
    // a PDF, a TIFF, or just forgotten: the sign remains
  }
}

function shrink(blob, width, height) {
  const scale = Math.min(1, Math.max(SIDE / Math.max(width, height), LEAST / Math.min(width, height)));
  const [cutWidth, cutHeight] = [width, height].map((length) => Math.min(length, Math.ceil(SIDE / scale)));
  const [resizeWidth, resizeHeight] = [cutWidth, cutHeight].map((length) => Math.ceil(length * scale));
  const size = { resizeWidth, resizeHeight, resizeQuality: "medium" };
  return createImageBitmap(blob, 0, 0, cutWidth, cutHeight, size);
}

function paint(bitmap) {
  const canvas = make("canvas", { width: bitmap.width, height: bitmap.height });
  canvas.getContext("bitmaprenderer").transferFromImageBitmap(bitmap);
  return canvas;
}
