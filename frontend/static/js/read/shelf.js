// What must outlive a reload, in the browser's IndexedDB: files, what was read in them, tasks under way.
const NAME = "crnn-ocr";
const STORE = "jobs";

let opened = null;

function open() {
  opened ??= new Promise((resolve, reject) => {
    const request = indexedDB.open(NAME, 1);
    request.onupgradeneeded = () => request.result.createObjectStore(STORE, { keyPath: "id" });
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
  return opened;
}

async function act(mode, run) {
  const database = await open();
  return new Promise((resolve, reject) => {
    const transaction = database.transaction(STORE, mode);
    const request = run(transaction.objectStore(STORE));
    transaction.oncomplete = () => resolve(request.result);
    transaction.onerror = transaction.onabort = () => reject(transaction.error);
  });
}

/** Rejects where the browser keeps nothing: in some private windows, or with the disk full. */
export const keep = (record) => act("readwrite", (store) => store.put(record));
export const forget = (id) => act("readwrite", (store) => store.delete(id));
export const all = () => act("readonly", (store) => store.getAll());
