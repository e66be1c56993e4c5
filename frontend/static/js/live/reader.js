// Reads what a video element shows: frames out at the service's pace, lines back.
import { openGrabber } from "./frames.js";
import { followLines } from "./lines.js";
import { openStream } from "./stream.js";

const STILL = 5; // frames of a picture that does not move, after which nothing new is to be learnt
const RECENT_MS = 3000;

/**
 * Read `video` until stop(). now() is the time of the transcript, in seconds.
 *
 * on.shown(answer, picture, entries), on.ended(entry), on.failed(answer), on.state(…) as in openStream.
 */
export function startReading({ video, model, isLive, now }, on) {
  const grabber = openGrabber();
  const lines = followLines(on.ended);
  const ticker = new Worker(new URL("ticker.js", import.meta.url));
  const figures = { read: [], elapsed: null, roundTrip: null, gone: { sent: 0, dropped: 0 } };
  let stream = connect(model);
  let cuts = 0;
  let last = { time: null, count: 0 };
  let over = false;

  function connect(name) {
    return openStream(name, {
      answer: take,
      cut: () => lines.cut(1),
      refused: () => grabber.coarsen(),
      state: on.state,
    });
  }

  function take(answer, pictureOf) {
    const picture = pictureOf(answer.frame);
    const moment = performance.now();
    figures.read.push(moment);
    const roundTrip = moment - picture.sentAt;
    if (!answer.unchanged) Object.assign(figures, { elapsed: answer.elapsed_ms, roundTrip });
    if (answer.type === "error") return on.failed(answer);
    const entries = lines.take(answer, pictureOf);
    if (entries) on.shown(answer, picture, entries);
  }

  /** Whether the picture is worth sending: a paused one is, until its lines are sure. */
  function isNews() {
    const isThere = video.readyState >= HTMLMediaElement.HAVE_CURRENT_DATA && video.videoWidth > 0;
    if (!isThere || video.seeking) return false;
    if (isLive) return !video.paused;
    return video.currentTime !== last.time || last.count < STILL;
  }

  async function sendFrame() {
    const [before, time] = [cuts, now()];
    const { jpeg, ...size } = await grabber.grab(video);
    if (over || before !== cuts || !jpeg) return;
    if (jpeg.size > stream.messageBytes) return grabber.coarsen();
    last = { time, count: time === last.time ? last.count + 1 : 1 };
    stream.send(jpeg, { ...size, time, sentAt: performance.now() });
  }

  async function pump() {
    while (!over) {
      const started = performance.now();
      if (isNews() && stream.isReady()) await sendFrame();
      const left = 1000 / stream.framesPerSecond - (performance.now() - started);
      await new Promise((resolve) => {
        ticker.onmessage = resolve;
        ticker.postMessage(Math.max(10, left));
      });
    }
    ticker.terminate();
  }

  pump();
  return {
    /** The picture jumps: what is shown has ended, and what is under way does not count. */
    cut() {
      cuts += 1;
      last = { time: null, count: 0 };
      lines.cut(stream.next());
    },
    readWith(name) {
      figures.gone = totals();
      stream.close();
      lines.cut(1);
      stream = connect(name);
    },
    tryNow: () => stream.tryNow(),
    /** The lines that have not ended yet, as entries of the transcript. */
    entries: () => lines.entries(),
    figures() {
      const since = performance.now() - RECENT_MS;
      figures.read = figures.read.filter((moment) => moment > since);
      return { ...figures, ...totals(), perSecond: (figures.read.length * 1000) / RECENT_MS };
    },
    stop() {
      over = true;
      stream.close();
      lines.cut(1);
    },
  };

  function totals() {
    return { sent: figures.gone.sent + stream.sent, dropped: figures.gone.dropped + stream.dropped };
  }
}
