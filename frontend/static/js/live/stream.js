// The WebSocket of docs/stream.md: frames out, answers in, and connected again when it breaks.
import { call, storedKey } from "../api.js";
import { t } from "../i18n.js";

const LONGEST_WAIT_SECONDS = 30;
const IN_FLIGHT = 2; // one that is read, and one that waits for it
const HANDSHAKE_WORKS = 426; // what /stream answers to a caller that it would let in
const CLOSE = { idle: 1000, goingAway: 1001, tooLarge: 1009, failed: 1011, tryLater: 1013 };

/**
 * Connect, and stay so until close() or until there is no use in trying.
 *
 * on.answer(answer, pictureOf): what the service says of a frame; pictureOf(number) is what send() was told.
 * on.cut(): the numbers of frames and lines begin anew. on.refused(): a frame was too large.
 * on.state(name, sentence, seconds): "connecting", "open", "idle" until there is a frame again, "waiting" for
 * so many seconds, or "failed" for good.
 */
export function openStream(model, on) {
  const state = { socket: null, pictures: [], answered: 0, ready: false, tries: 0, timer: null, over: false };
  const stream = { sent: 0, dropped: 0, framesPerSecond: 1, messageBytes: Infinity };

  function connect() {
    clearTimeout(state.timer);
    on.state("connecting");
    Object.assign(state, { pictures: [], answered: 0, ready: false, timer: null });
    const socket = new WebSocket(address(model), protocols());
    state.socket = socket;
    socket.onmessage = ({ data }) => socket === state.socket && receive(JSON.parse(data));
    socket.onclose = ({ code, reason }) => socket === state.socket && lose(code, reason);
  }

  function receive(answer) {
    stream.framesPerSecond = answer.frames_per_second;
    if (answer.type === "hello") return begin(answer);
    state.answered = answer.frame;
    stream.dropped += answer.dropped;
    on.answer(answer, (number) => state.pictures[number - 1]);
  }

  function begin({ limits }) {
    stream.messageBytes = limits.message_bytes;
    Object.assign(state, { ready: true, tries: 0 });
    on.state("open");
  }

  function lose(code, reason) {
    const wasReady = state.ready;
    Object.assign(state, { socket: null, ready: false });
    on.cut();
    if (state.over) return;
    if (wasReady && code === CLOSE.idle) return on.state("idle");
    if (wasReady && code === CLOSE.goingAway) return connect();
    if (code === CLOSE.tooLarge) on.refused();
    if (wasReady || code === CLOSE.tryLater) return retry(sentenceFor(code, reason));
    askWhy();
  }

  /** A browser does not tell a page why a handshake failed; the same address over HTTP does. */
  async function askWhy() {
    const problem = await call(`/stream?model=${encodeURIComponent(model)}`).catch((error) => error);
    if (state.over) return;
    if (problem.status === HANDSHAKE_WORKS) return retry(t("live.refused"), problem.retryAfter);
    if (problem.isPassing) return retry(problem.sentence, problem.retryAfter);
    state.over = true;
    on.state("failed", problem.sentence ?? problem.message);
  }

  function retry(sentence, seconds = null) {
    const wait = seconds ?? Math.min(2 ** state.tries, LONGEST_WAIT_SECONDS);
    state.tries += 1;
    on.state("waiting", sentence, wait);
    state.timer = setTimeout(connect, wait * 1000);
  }

  connect();
  return Object.assign(stream, {
    /** Whether a frame that is sent now would not be dropped. Wakes an idle connection. */
    isReady() {
      if (!state.over && !state.socket && !state.timer) connect();
      return state.ready && state.pictures.length - state.answered < IN_FLIGHT;
    },
    /** The number that the next frame gets. */
    next: () => state.pictures.length + 1,
    /** Send a JPEG; `picture` is what on.answer gets for its number. */
    send(jpeg, picture) {
      if (!state.ready) return;
      state.pictures.push(picture);
      stream.sent += 1;
      state.socket.send(jpeg);
    },
    tryNow: () => state.timer && connect(),
    close() {
      state.over = true;
      clearTimeout(state.timer);
      state.socket?.close();
    },
  });
}

function address(model) {
  const url = new URL(`/stream?model=${encodeURIComponent(model)}`, location);
  url.protocol = url.protocol.replace("http", "ws");
  return url;
}

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
