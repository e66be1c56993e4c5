// What a sheet looks like, as something a browser can show.
import { patiently, send } from "../shared/api.js";

const MAX_SIDE = 2400;
const THUMBNAIL_SIDE = 240;
const BROWSERS_OWN = "image";
const SERVICES = new Set(["tiff", "heic", "pdf"]);
const kept = new Map(); // by job and page, the latest ones
const KEPT = 12;

/** Whether there is something to look at: of what is in a ZIP, and of most of the history, only the text is known. */
export const hasPicture = (job) =>
  Boolean(job.adjusted || (job.blob && (job.kind === BROWSERS_OWN || SERVICES.has(job.kind))));

/** The picture of a sheet as a Blob: the image itself, a page that the service has drawn; null if there is none. */
export async function pictureOf({ job, page }) {
  if (!hasPicture(job)) return null;
  return job.adjusted ?? (SERVICES.has(job.kind) ? drawnPage(job, page ?? 1) : job.blob);
}

/** The same, small; null of what needs none. One after the other: each takes the whole file to the service. */
export function thumbnailOf({ job, page }) {
  if (!job.blob || !SERVICES.has(job.kind)) return Promise.resolve(null);
  const drawn = drawing.then(() => fetchPage(job, page ?? 1, THUMBNAIL_SIDE));
  drawing = drawn.catch(() => {});
  return drawn;
}

let drawing = Promise.resolve();

async function drawnPage(job, page) {
  const key = `${job.id}:${page}`;
  if (!kept.has(key)) kept.set(key, fetchPage(job, page, MAX_SIDE));
  if (kept.size > KEPT) kept.delete(kept.keys().next().value);
  try {
    return await kept.get(key);
  } catch (error) {
    kept.delete(key);
    throw error;
  }
}

async function fetchPage(job, page, maxSide) {
  const form = new FormData();
  form.append("image", job.blob, job.name);
  form.append("page", page);
  form.append("max_side", maxSide);
  const response = await patiently(() => send("/picture", { method: "POST", body: form }));
  return response.blob();
}
