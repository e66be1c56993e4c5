// The page's side of the worker: promises for its answers, and never more than one preview under way.

export class ImagingError extends Error {}

/** `onPreview({bitmap, counts, threshold})` gets the newest preview; those that it overtook are never drawn. */
export function createRenderer(onPreview, onError) {
  const waiting = new Map();
  let requests = 0;
  let worker = null;
  let wanted = null;
  let isDrawing = false;

  function start() {
    worker = new Worker(new URL("worker.js", import.meta.url), { type: "module" });
    worker.addEventListener("message", ({ data: { id, error, ...answer } }) => {
      const { resolve, reject } = waiting.get(id);
      waiting.delete(id);
      if (error) reject(new ImagingError(error));
      else resolve(answer);
    });
    worker.addEventListener("error", (event) => {
      event.preventDefault();
      for (const { reject } of waiting.values()) reject(new ImagingError("WorkerError"));
      waiting.clear();
    });
  }

  function ask(action, request) {
    if (!worker) start();
    return new Promise((resolve, reject) => {
      waiting.set(++requests, { resolve, reject });
      worker.postMessage({ id: requests, action, ...request });
    });
  }

  async function draw() {
    isDrawing = true;
    while (wanted) {
      const edits = wanted;
      wanted = null;
      try {
        onPreview(await ask("preview", { edits }), edits);
      } catch (error) {
        onError(error);
      }
    }
    isDrawing = false;
  }

  return {
    open: (blob) => ask("open", { blob }),
    preview(edits) {
      wanted = edits;
      if (!isDrawing) draw();
    },
    findSkew: async (edits) => (await ask("skew", { edits })).degrees,
    render: async (edits) => (await ask("render", { edits })).blob,
    close() {
      worker?.terminate();
      worker = null;
      wanted = null;
      for (const { reject } of waiting.values()) reject(new ImagingError("Closed"));
      waiting.clear();
    },
  };
}
