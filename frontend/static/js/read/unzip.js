// The files in a ZIP, as files of their own.
import { named } from "./files.js";

/** Resolves to its files, each called by the ZIP's name and its path there; null if it cannot be taken apart here. */
export function unzip(archive, { imageMb, batchMb }) {
  const worker = new Worker(new URL("unzip_worker.js", import.meta.url), { type: "module" });
  const limits = { maxEntryBytes: imageMb * 1024 ** 2, maxBytes: batchMb * 1024 ** 2 };
  return new Promise((resolve) => {
    worker.onerror = () => resolve(null);
    worker.onmessage = ({ data: { entries } }) =>
      resolve(entries?.map((entry) => fileOf(archive, entry)) ?? null);
    worker.postMessage({ file: archive, ...limits });
  }).finally(() => worker.terminate());
}

const fileOf = (archive, { name, bytes }) => named(new Blob([bytes]), `${archive.name}/${name}`);
