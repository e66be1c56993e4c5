// Takes a ZIP apart, beside the page: { file, maxEntryBytes, maxBytes } in, [{ name, bytes }] out, or { error }.
import { unzipSync } from "../../vendor/fflate.js";
import { entryName } from "./entry_names.js";

addEventListener("message", async ({ data: { file, maxEntryBytes, maxBytes } }) => {
  try {
    const entries = unpack(new Uint8Array(await file.arrayBuffer()), maxEntryBytes, maxBytes);
    postMessage({ entries }, { transfer: entries.map(({ bytes }) => bytes.buffer) });
  } catch (error) {
    postMessage({ error: String(error) });
  }
});

/** What is larger than it may be is left to the service, which says so: unpacked it might fill the memory. */
function unpack(bytes, maxEntryBytes, maxBytes) {
  let total = 0;
  const filter = ({ name, originalSize }) => {
    if (name.endsWith("/")) return false;
    total += originalSize;
    if (originalSize > maxEntryBytes || total > maxBytes) throw new RangeError("too large");
    return true;
  };
  return Object.entries(unzipSync(bytes, { filter })).map(([name, content]) => ({
    name: entryName(name),
    bytes: content,
  }));
}
