// What must outlive a reload, in the browser's IndexedDB: jobs, and apart from them, since they are large, their files.
const NAME = "crnn-ocr";
const STORES = ["jobs", "files"];
const VERSION = 2;

let opened = null;

function open() {
  opened ??= new Promise((resolve, reject) => {
    const request = indexedDB.open(NAME, VERSION);
    request.onupgradeneeded = () => {
      const missing = STORES.filter((name) => !request.result.objectStoreNames.contains(name));
      for (const name of missing) request.result.createObjectStore(name, { keyPath: "id" });
    };
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
  return opened;
}

/** The results of the requests that run(jobs, files) makes. */
async function act(mode, run) {
  const database = await open();
  return new Promise((resolve, reject) => {
    const transaction = database.transaction(STORES, mode);
    const requests = run(...STORES.map((name) => transaction.objectStore(name)));
    transaction.oncomplete = () => resolve(requests.map((request) => request.result));
    transaction.onerror = transaction.onabort = () => reject(transaction.error);
  });
}

/** `files` are left as they are if they are not given. Rejects where the browser keeps nothing, or no more. */
export function keep(record, files = null) {
  return act("readwrite", (jobs, blobs) => [
    jobs.put(record),
    ...(files ? [blobs.put({ ...files, id: record.id })] : []),
  ]);
}

export const forget = (id) => act("readwrite", (jobs, blobs) => [jobs.delete(id), blobs.delete(id)]);

/** Every job with its files. */
export async function all() {
  const [records, files] = await act("readonly", (jobs, blobs) => [jobs.getAll(), blobs.getAll()]);
  const filesOf = new Map(files.map((file) => [file.id, file]));
  return records.map((record) => ({ ...record, ...filesOf.get(record.id) }));
}
