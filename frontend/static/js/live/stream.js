// The WebSocket of docs/stream.md: frames out, answers in, and connected again when it breaks.
import { call, storedKey } from "../shared/api.js";
import { t } from "../shared/i18n.js";

const LONGEST_WAIT_SECONDS = 30;
const IN_FLIGHT = 2; // one that is read, and one that waits for it
const UPGRADE_REQUIRED = 426; // what /stream answers over HTTP to a caller that may come in
const CLOSE = { idle: 1000, goingAway: 1001, tooLarge: 1009, failed: 1011, tryLater: 1013 };

/**
 * Connect, and stay so until close() or until there is no use in trying.
 *
 * on.answer(answer, pictureOf): what the service says of a frame; pictureOf(number) is what send() was told.
 * on.cut(): the numbers of frames and lines begin anew. on.refused(): a frame was too large.
 * on.state(name, sentence, seconds): "connecting", "open", "idle" until there is a frame again, "waiting" for
 * so many seconds, or "failed" until tryNow().
 */
export function openStream(model, on) {
  const path = `/stream?model=${encodeURIComponent(model)}`;
  const stream = { sent: 0, dropped: 0, framesPerSecond: 10, messageBytes: Infinity }; // until it says more
  let [state, socket, pictures, answered, tries, timer] = ["closed", null, [], 0, 0, null];

  function become(name, ...more) {
    state = name;
    on.state(name, ...more);
  }

  function connect() {
    clearTimeout(timer);
    become("connecting");
    [pictures, answered] = [[], 0];
    const mine = new WebSocket(address(path), protocols());
    socket = mine;
    mine.onmessage = ({ data }) => mine === socket && receive(JSON.parse(data));
    mine.onclose = ({ code, reason }) => mine === socket && lose(code, reason);
  }

  function receive(answer) {
    stream.framesPerSecond = answer.frames_per_second;
    if (answer.type === "hello") {
      stream.messageBytes = answer.limits.message_bytes;
      tries = 0;
      return become("open");
    }
    answered = answer.frame;
    stream.dropped += answer.dropped;
    on.answer(answer, (number) => pictures[number - 1]);
  }

  function lose(code, reason) {
    const wasOpen = state === "open";
    socket = null;
    state = "lost";
    on.cut();
    if (wasOpen && code === CLOSE.idle) return become("idle");
    if (wasOpen && code === CLOSE.goingAway) return connect();
    if (code === CLOSE.tooLarge) on.refused();
    if (wasOpen || code === CLOSE.tryLater) return retry(sentenceFor(code, reason));
    askWhy();
  }

  /** A browser does not tell a page why a handshake failed; the same address over HTTP does. */
  async function askWhy() {
    const problem = await call(path).catch((error) => error);
    if (state !== "lost") return;
    if (problem.status === UPGRADE_REQUIRED) retry(t("live.refused"));
    else if (problem.isPassing) retry(problem.sentence, problem.retryAfter);
    else become("failed", problem.sentence ?? problem.message);
  }

  function retry(sentence, seconds = null) {
    const wait = seconds ?? Math.min(2 ** tries, LONGEST_WAIT_SECONDS);
    tries += 1;
    timer = setTimeout(connect, wait * 1000);
    become("waiting", sentence, wait);
  }

  connect();
  return Object.assign(stream, {
    /** Whether a frame that is sent now would not be dropped. Wakes an idle connection. */
    isReady() {
      if (state === "idle") connect();
      return state === "open" && pictures.length - answered < IN_FLIGHT;
    },
    /** Send a JPEG; `picture` is what on.answer gets for its number. */
    send(jpeg, picture) {
      if (state !== "open") return;
      pictures.push(picture);
      stream.sent += 1;
      socket.send(jpeg);
    },
    /** The number that the next frame gets. */
    next: () => pictures.length + 1,
    tryNow() {
      if (state === "waiting" || state === "failed") connect();
    },
    close() {
      clearTimeout(timer);
      state = "closed";
      socket?.close();
      socket = null;
    },
  });
}

function address(path) {
  const url = new URL(path, location);
  url.protocol = url.protocol.replace("http", "ws");
  return url;
}

/** Browsers can send no header with a handshake, so the key is among the subprotocols. */
function protocols() {
  const key = storedKey();
  if (!key) return ["ocr"];
  const encoded = btoa(String.fromCharCode(...new TextEncoder().encode(key)));
  return ["ocr", `ocr.key.${encoded.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "")}`];
}

function sentenceFor(code, reason) {
  if (code === CLOSE.tryLater) return t("live.full");
  if (code === CLOSE.failed) return t("live.broken");
  if (code === CLOSE.tooLarge) return t("live.too-large");
  return t("live.lost", { reason: reason || code });
}
