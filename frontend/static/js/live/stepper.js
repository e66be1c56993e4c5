// A video file frame by frame, at the pace at which it is read: so its transcript does not depend on the machine.
const STEP = 0.2; // seconds
const SEEK_TOLERANCE = 0.01;
const SEEK_MS = 5000; // a browser may not tell that it has come to a place
const PAINT_MS = 500; // nor that it shows a frame which is the same as before

/** onChange(): it runs, is held or is done; onMoved(): the reader went to another place meanwhile. */
export function openStepper(video, { onChange, onMoved }) {
  let state = "waiting"; // then "running" and "held" by turns, at last "done"
  let place = null; // in seconds, of the last frame
  let isStepping = false;

  function become(next) {
    state = next;
    onChange();
  }

  async function goTo(seconds) {
    isStepping = true;
    const arrived = once((resolve) => video.addEventListener("seeked", resolve, { once: true }), SEEK_MS);
    const painted = once((resolve) => video.requestVideoFrameCallback?.(resolve), PAINT_MS);
    video.currentTime = seconds;
    await arrived;
    await painted;
    isStepping = false;
    if (Math.abs(video.currentTime - seconds) > SEEK_TOLERANCE) onMoved();
  }

  return {
    isRunning: () => state === "running",
    isHeld: () => state === "held",
    isDone: () => state === "done",
    /** Whether the frame that is shown is not the reader's own choice, but one that was read or will be. */
    isInOrder() {
      if (place === null) return state === "waiting" || state === "running";
      return state !== "done" && Math.abs(video.currentTime - place) <= SEEK_TOLERANCE;
    },
    /** Whether the picture jumps because of a step, and not of the reader. */
    isStepping: () => isStepping,
    /** Begin; false where nobody knows how long the video is: it must be played. */
    async start() {
      const isThere = video.readyState >= HTMLMediaElement.HAVE_CURRENT_DATA;
      if (!isThere) await new Promise((resolve) => (video.onloadeddata = resolve));
      if (state === "waiting") become(Number.isFinite(video.duration) ? "running" : "done");
      return state !== "done";
    },
    hold: () => state !== "done" && become("held"),
    /** Whether it was held, and goes on now. */
    goOn() {
      const isHeld = state === "held";
      if (isHeld) become("running");
      return isHeld;
    },
    toggle: () => become(state === "held" ? "running" : "held"),
    /** Show the next frame; after the last one it is done. */
    async next() {
      const isThere = place === null || Math.abs(video.currentTime - place) > SEEK_TOLERANCE; // the first, or moved to
      if (!isThere && place >= video.duration - SEEK_TOLERANCE) return become("done");
      const next = isThere
        ? video.currentTime
        : Math.min(Math.round((place + STEP) * 1000) / 1000, video.duration);
      await goTo(next);
      place = video.currentTime;
    },
  };
}

/** What listen(resolve) waits for, or so many milliseconds. */
const once = (listen, patience) =>
  new Promise((resolve) => {
    listen(resolve);
    setTimeout(resolve, patience);
  });
