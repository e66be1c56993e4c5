// The service's HTTP: calls, the key that they carry, and what goes wrong with them.
import { element } from "./dom.js";
import { knows, t } from "./i18n.js";
import { notify } from "./notices.js";

const KEY = "ocr-api-key";
const LONGEST_WAIT_SECONDS = 30;

/** A call that failed. `detail` is a sentence that says what to do. */
export class Problem extends Error {
  constructor({ code, detail, status = 0, retryAfter = null, requestId = null }) {
    super(detail);
    Object.assign(this, { code, detail, status, retryAfter, requestId });
  }

  /** What to tell the reader, in the page's language. The service itself speaks English, and to clients. */
  get sentence() {
    const key = `problem.${this.code}`;
    const said = knows(key) ? t(key) : this.detail || t(key);
    return this.status >= 500 && this.requestId && !this.retryAfter
      ? `${said} (${t("problem.request", { id: this.requestId })})`
      : said;
  }

  /** Whether the same call may succeed a little later. */
  get isPassing() {
    return this.code === "away" || this.status === 429 || (this.status === 503 && this.retryAfter !== null);
  }
}

const away = () => new Problem({ code: "away", detail: t("problem.away") });

/** What JSON of the service says is wrong: a problem of RFC 9457, or an error of a task's item. */
export function asProblem(body, status = body.status, retryAfter = null) {
  if (!body?.type) return new Problem({ code: "strange", detail: t("problem.strange"), status });
  return new Problem({
    code: body.type.split("/").pop(),
    // what the service says of a field starts with the field's name, which this page does not show
    detail: body.errors?.map(({ message }) => message).join(" ") || body.detail,
    status,
    retryAfter: retryAfter === null ? null : Number(retryAfter),
    requestId: body.request_id,
  });
}

export const storedKey = () => sessionStorage.getItem(KEY);

function keyHeader() {
  return storedKey() ? { "X-API-Key": storedKey() } : {};
}

/**
 * The answer to a request, as fetch() gives it. Throws Problem, or AbortError. With `keepalive` the request is made
 * even if the page is being closed.
 */
export async function send(path, { method = "GET", body, json, signal, keepalive = false } = {}) {
  const headers = { ...keyHeader(), ...(json && { "Content-Type": "application/json" }) };
  const content = json ? JSON.stringify(json) : body;
  const response = await fetch(path, { method, headers, body: content, signal, keepalive }).catch((error) => {
    throw error.name === "AbortError" ? error : away();
  });
  if (response.ok) {
    isNew = false;
    return response;
  }
  const retryAfter = response.headers.get("Retry-After");
  const problem = asProblem(await response.json().catch(() => null), response.status, retryAfter);
  if (await mayTryWithKey(problem)) return send(path, { method, body, json, signal, keepalive });
  throw problem;
}

/** The same, as JSON; null where there is none. */
export async function call(path, options) {
  const response = await send(path, options);
  return response.status === 204 ? null : response.json();
}

/**
 * POST a form, and hear how much of it has been sent: onProgress(share). Answers JSON. Sent again under the same
 * `key` it is done once.
 */
export async function upload(path, form, { key, signal, onProgress } = {}) {
  try {
    const answer = await post(path, form, { ...keyHeader(), "Idempotency-Key": key }, signal, onProgress);
    isNew = false;
    return answer;
  } catch (problem) {
    if (problem instanceof Problem && (await mayTryWithKey(problem))) {
      return upload(path, form, { key, signal, onProgress });
    }
    throw problem;
  }
}

function post(path, form, headers, signal, onProgress) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", path);
    request.responseType = "json";
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    request.upload.onprogress = (event) => event.lengthComputable && onProgress?.(event.loaded / event.total);
    request.onload = () => {
      const retryAfter = request.getResponseHeader("Retry-After");
      if (request.status < 300 && request.response) resolve(request.response);
      else reject(asProblem(request.response, request.status, retryAfter));
    };
    request.onerror = () => reject(away());
    request.onabort = () => reject(new DOMException("cancelled", "AbortError"));
    if (signal?.aborted) return request.onabort();
    signal?.addEventListener("abort", () => request.abort(), { once: true });
    request.send(form);
  });
}

let asking = null;
let isNew = false; // whether the key has just been entered, and no answer has accepted it yet

/** Whether the reader gave a key to try with, now that none or a wrong one was refused. */
function mayTryWithKey(problem) {
  if (problem.status !== 401) return (isNew = false);
  asking ??= askForKey().finally(() => (asking = null));
  return asking;
}

function askForKey() {
  const dialog = element("key-dialog");
  element("key-advice").textContent = t(isNew ? "key.wrong" : "key.advice");
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener(
      "close",
      () => {
        const given = dialog.returnValue === "use" && element("key").value.trim();
        element("key").value = "";
        isNew = Boolean(given);
        if (isNew) sessionStorage.setItem(KEY, given);
        else sessionStorage.removeItem(KEY); // it was refused
        resolve(isNew);
      },
      { once: true },
    );
  });
}

/**
 * The result of attempt(), tried again as long as the problem is one that passes: after the seconds that the
 * service asks for, or longer and longer ones while it is away. A notice counts them down.
 */
export async function patiently(attempt, { signal } = {}) {
  for (let tries = 0; ; tries += 1) {
    try {
      return await attempt();
    } catch (problem) {
      if (!(problem instanceof Problem) || !problem.isPassing) throw problem;
      const seconds = problem.retryAfter || Math.min(2 ** (tries + 1), LONGEST_WAIT_SECONDS);
      if (!(await countDown(problem, seconds, signal))) throw problem;
    }
  }
}

let shown = null; // many calls wait for the same thing: one notice tells of it

/** Whether to try again, after having waited. */
function countDown(problem, seconds, signal) {
  shown ??= openCountdown();
  return shown.wait(problem, seconds, signal);
}

function openCountdown() {
  const waiters = new Set();
  const end = (goOn) => {
    clearInterval(ticking);
    shown = null;
    notice.close();
    for (const resolve of waiters) resolve(goOn);
  };
  const notice = notify("", {
    bad: true,
    seconds: 0,
    action: { label: t("problem.again"), run: () => end(true) },
    onClose: () => shown && end(false),
  });
  let left = 0;
  let sentence = "";
  const tick = () => {
    if (left <= 0) return end(true);
    notice.say(t("problem.waiting", { sentence, seconds: left }));
    left -= 1;
  };
  const ticking = setInterval(tick, 1000);
  return {
    wait(problem, seconds, signal) {
      if (!waiters.size) {
        left = Math.ceil(seconds);
        sentence = problem.sentence;
        tick();
      }
      return new Promise((resolve, reject) => {
        waiters.add(resolve);
        signal?.addEventListener("abort", () => {
          waiters.delete(resolve);
          reject(new DOMException("cancelled", "AbortError"));
          if (!waiters.size) end(false);
        });
      });
    },
  };
}
