// Reads what a video element shows: frames out at the service's pace, lines back.
import { openGrabber } from "./frames.js";
import { followLines } from "./lines.js";
import { openStepper } from "./stepper.js";
import { openStream } from "./stream.js";

const STILL = 5; // frames of a picture that does not move, after which nothing new is to be learnt
const RECENT_MS = 3000;

/**
 * Read `video` until stop(): what is live as it comes, a file frame by frame once it was begun. now() is the time of
 * the transcript, in seconds.
 *
 * on.shown(answer, picture, entries), on.ended(entry), on.failed(answer), on.state(…) as in openStream;
 * on.stepping(): the file's frames go on, stop or are at their end; on.moved(): the reader went elsewhere in it;
 * on.cut(): the scene is another one, and what was read in the last is not there any more.
 */
export function startReading({ video, model, isLive, now }, on) {
  const grabber = openGrabber();
  const lines = followLines(on.ended);
  const ticker = new Worker(new URL("ticker.js", import.meta.url));
  const figures = { read: [], elapsed: null, roundTrip: null, gone: { sent: 0, dropped: 0 } };
  let stream = connect(model);
  let cuts = 0;
  let scene = 1; // its first frame
  let last = { time: null, count: 0 };
  let over = false;
  const shownBefore = framesShown(video);
  const stepper = isLive ? null : openStepper(video, { onChange: on.stepping, onMoved: on.moved });

  function connect(name) {
    return openStream(name, {
      answer: take,
      cut: () => restart(1),
      refused: () => grabber.coarsen(),
      state: on.state,
    });
  }

  /** All lines end; what counts comes from this frame on. */
  function restart(frame) {
    scene = frame;
    lines.cut(frame);
  }

  /** What is shown is of another scene; its lines end when the service does not find them any more. */
  function look() {
    if (!grabber.isCut(video)) return;
    scene = stream.next();
    on.cut();
  }

  function take(answer, pictureOf) {
    const picture = pictureOf(answer.frame);
    const moment = performance.now();
    figures.read.push(moment);
    const roundTrip = moment - picture.sentAt;
    if (!answer.unchanged) Object.assign(figures, { elapsed: answer.elapsed_ms, roundTrip });
    if (answer.type === "error") return on.failed(answer);
    const entries = lines.take(answer, pictureOf);
    if (entries && answer.frame >= scene) on.shown(answer, picture, entries);
  }

  /** Whether the picture is worth sending: a paused one is, until its lines are sure. */
  function isNews() {
    const isThere = video.readyState >= HTMLMediaElement.HAVE_CURRENT_DATA && video.videoWidth > 0;
    if (!isThere || video.seeking || stepper?.isInOrder()) return false;
    if (isLive) return !video.paused;
    return video.currentTime !== last.time || last.count < STILL;
  }

  async function sendFrame() {
    const [before, time] = [cuts, now()];
    look();
    const { jpeg, ...size } = await grabber.grab(video);
    if (over || before !== cuts || !jpeg) return;
    if (jpeg.size > stream.messageBytes) return grabber.coarsen();
    last = { time, count: time === last.time ? last.count + 1 : 1 };
    stream.send(jpeg, { ...size, time, sentAt: performance.now() });
  }

  /** No frame gives way to another: the next one is shown when the service has room for it. */
  async function sendStep() {
    await stepper.next();
    if (!over && stepper.isRunning()) await sendFrame();
  }

  async function pump() {
    while (!over) {
      const started = performance.now();
      const isFile = stepper?.isRunning();
      if ((isFile || isNews()) && stream.isReady()) await (isFile ? sendStep() : sendFrame());
      else if (isNews()) look(); // also while the service is slow
      const pace = stepper?.isRunning() ? 0 : 1000 / stream.framesPerSecond;
      const left = pace - (performance.now() - started);
      await new Promise((resolve) => {
        ticker.onmessage = resolve;
        ticker.postMessage(Math.max(10, left));
      });
    }
    ticker.terminate();
  }

  pump();
  return {
    stepper,
    /** The picture jumps: what is shown has ended, and what is under way does not count. */
    cut() {
      cuts += 1;
      last = { time: null, count: 0 };
      restart(stream.next());
    },
    readWith(name) {
      figures.gone = totals();
      stream.close();
      restart(1);
      stream = connect(name);
    },
    tryNow: () => stream.tryNow(),
    /** The lines that have not ended yet, as entries of the transcript. */
    entries: () => lines.entries(),
    figures() {
      const since = performance.now() - RECENT_MS;
      figures.read = figures.read.filter((moment) => moment > since);
      return {
        ...figures,
        sent: totals().sent,
        dropped: unread(),
        perSecond: (figures.read.length * 1000) / RECENT_MS,
      };
    },
    stop() {
      over = true;
      stream.close();
      restart(1);
    },
  };

  function totals() {
    return { sent: figures.gone.sent + stream.sent, dropped: figures.gone.dropped + stream.dropped };
  }

  /** Frames that were shown live and not read: most are not even sent, or nothing would be read in time. */
  function unread() {
    const { sent, dropped } = totals();
    return !isLive ? dropped : dropped + Math.max(0, framesShown(video) - shownBefore - sent);
  }
}

const framesShown = (video) => video.getVideoPlaybackQuality?.().totalVideoFrames ?? 0;
