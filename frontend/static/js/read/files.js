// What a file is, by its first bytes, and why it cannot be read, before any of it is sent.
import { formatBytes, formatNumber, t } from "../shared/i18n.js";

const HEAD_BYTES = 65_536;
const JUNK = /^(\.|thumbs\.db$|desktop\.ini$)/i;
const starts = (head, text, at = 0) => [...text].every((char, n) => head[at + n] === char.charCodeAt(0));

const MAX_SIGNATURE_BYTES = 1024;
/** Of the media types that no browser shows as an image, or not every one. */
export const KIND_OF_TYPE = { "image/tiff": "tiff", "image/heic": "heic", "application/pdf": "pdf" };
const NOT_READ = [
  ["svg", (head) => /<svg[\s>]/i.test(new TextDecoder().decode(head.slice(0, 512)))],
];
const OFFICE = /\.(docx?|xlsx?|pptx?|od[tsp]|rtf|7z|rar|gz|tar)$/i;

/**
 * { kind, refusal }: image, tiff, heic, pdf or zip; and a sentence if it cannot be read, else null.
 * The limits, and the file types with their signatures, are the service's.
 */
export async function inspect(file, { imageMb, batchMb, maxMegapixels, fileTypes }) {
  let head;
  try {
    head = new Uint8Array(await file.slice(0, HEAD_BYTES).arrayBuffer());
  } catch {
    return { kind: null, refusal: t("refuse.unreadable") };
  }
  if (!head.length) return { kind: null, refusal: t("refuse.empty") };
  if (OFFICE.test(file.name)) return { kind: null, refusal: t("refuse.office") };
  const kind = kindOf(head, fileTypes);
  if (kind === null) {
    const reason = NOT_READ.find(([, is]) => is(head))?.[0] ?? "type";
    return { kind, refusal: t(`refuse.${reason}`) };
  }
  const limit = kind === "zip" ? batchMb : imageMb;
  return { kind, refusal: tooLarge(file, limit) ?? tooManyPixels(head, maxMegapixels) };
}

/** What a file with these first bytes is, or null. A ZIP comes first: a PDF's mark may be in its first entry. */
export function kindOf(head, fileTypes) {
  if (starts(head, "PK\x03\x04")) return "zip";
  const text = String.fromCharCode(...head.slice(0, MAX_SIGNATURE_BYTES));
  const found = fileTypes.find(({ signature }) => new RegExp(`^(?:${signature})`, "s").test(text));
  return found ? (KIND_OF_TYPE[found.mediaType] ?? "image") : null;
}

function tooLarge(file, limit) {
  return file.size > limit * 1024 ** 2 ? t("refuse.large", { size: formatBytes(file.size), limit }) : null;
}

function tooManyPixels(head, limit) {
  const megapixels = pixelCount(head) / 1e6;
  const values = { size: formatNumber(megapixels), limit };
  return megapixels > limit ? t("refuse.pixels", values) : null;
}

/** Of a PNG or JPEG, by its header; 0 of others, which the service looks at. */
export function pixelCount(head) {
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  if (starts(head, "\x89PNG") && head.length >= 24) return view.getUint32(16) * view.getUint32(20);
  if (!starts(head, "\xff\xd8")) return 0;
  for (let at = 2; at + 9 < head.length && head[at] === 0xff; at += 2 + view.getUint16(at + 2)) {
    const isFrame =
      head[at + 1] >= 0xc0 && head[at + 1] <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(head[at + 1]);
    if (isFrame) return view.getUint16(at + 5) * view.getUint16(at + 7);
  }
  return 0;
}

/** The files of a drop, those in folders too, each with its path as its name. */
export async function droppedFiles(transfer) {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  const isInFolder = entries.some((entry) => entry.isDirectory);
  const files = entries.length ? (await Promise.all(entries.map(filesOf))).flat() : [...transfer.files];
  return { files, isInFolder };
}

async function filesOf(entry) {
  if (entry.isFile) {
    const file = await new Promise((resolve, reject) => entry.file(resolve, reject)).catch(() => null);
    return file ? [named(file, entry.fullPath.slice(1))] : [];
  }
  const reader = entry.createReader();
  const found = [];
  for (;;) {
    const some = await new Promise((resolve) => reader.readEntries(resolve, () => resolve([])));
    if (!some.length) break; // it gives a hundred at a time
    found.push(...some);
  }
  found.sort((a, b) => a.name.localeCompare(b.name, undefined, { numeric: true }));
  return (await Promise.all(found.map(filesOf))).flat();
}

export const named = (blob, name) =>
  new File([blob], name, { type: blob.type, lastModified: blob.lastModified });

/** Of the files of a folder those that somebody may have meant, and the others. */
export async function sift(files, limits) {
  const kept = [];
  const others = [];
  for (const file of files) {
    if (JUNK.test(file.name.split("/").pop())) continue;
    const { kind } = await inspect(file, limits);
    (kind ? kept : others).push(file);
  }
  return { kept, others };
}
