// The page's side of the worker: promises for its answers, and never more than one preview under way.

/** The message of an error that nobody needs to hear of: the image was closed meanwhile. */
export const CLOSED = "closed";

const REST_MS = 150;

/** `onPreview({bitmap, counts, threshold}, edits)` gets small drafts as long as edits follow each other, and a fine
    preview when they rest. Edits that are overtaken while a draft is under way are never drawn. */
export function createRenderer(onPreview, onError) {
  const waiting = new Map();
  let requests = 0;
  let worker = null;
  let wanted = null;
  let isDrawing = false;
  let rest = null;

  function start() {
    worker = new Worker(new URL("worker.js", import.meta.url), { type: "module" });
    worker.addEventListener("message", ({ data: { id, error, ...answer } }) => {
      const { resolve, reject } = waiting.get(id);
      waiting.delete(id);
      if (error) reject(new Error(error));
      else resolve(answer);
    });
    worker.addEventListener("error", (event) => {
      event.preventDefault();
      for (const { reject } of waiting.values()) reject(new Error("WorkerError"));
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
      const request = wanted;
      wanted = null;
      try {
        onPreview(await ask("preview", request), request.edits);
        if (!wanted && request.isDraft) rest = setTimeout(want, REST_MS, request.edits, false);
      } catch (error) {
        onError(error);
      }
    }
    isDrawing = false;
  }

  function want(edits, isDraft) {
    clearTimeout(rest);
    wanted = { edits, isDraft };
    if (!isDrawing) draw();
  }

  return {
    open: (blob) => ask("open", { blob }),
    preview: (edits) => want(edits, true),
    findSkew: async (edits) => (await ask("skew", { edits })).degrees,
    render: async (edits) => (await ask("render", { edits })).blob,
    close() {
      worker?.terminate();
      worker = null;
      wanted = null;
      clearTimeout(rest);
      for (const { reject } of waiting.values()) reject(new Error(CLOSED));
      waiting.clear();
    },
  };
}
