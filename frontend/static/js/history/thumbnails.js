// Small pictures of the images that were kept, fetched one after the other as they come into sight.
import { send } from "../api.js";
import { icon, make } from "../elements.js";

const SIDE = 144; // twice what is shown, for screens with fine pixels
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

/** A place for the picture of a record; a sign stands in it until then, or if it is none that a browser shows. */
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
  const scale = Math.min(1, SIDE / Math.max(width, height));
  const size = { resizeWidth: Math.ceil(width * scale), resizeHeight: Math.ceil(height * scale) };
  try {
    const blob = await (await send(`/history/${id}/image`)).blob();
    place.replaceChildren(paint(await createImageBitmap(blob, { ...size, resizeQuality: "medium" })));
  } catch {
    // a PDF, a TIFF, or just forgotten: the sign remains
  }
}

function paint(bitmap) {
  const canvas = make("canvas", { width: bitmap.width, height: bitmap.height });
  canvas.getContext("bitmaprenderer").transferFromImageBitmap(bitmap);
  return canvas;
}
