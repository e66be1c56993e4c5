// The controls of the picture: pause, place in a file, sound, full screen.
import { element, icon } from "../shared/dom.js";
import { t } from "../shared/i18n.js";
import { formatClock } from "./transcript.js";

const PATIENCE_MS = 1000;

/**
 * Controls of a video element; cut() is called when its picture jumps. stepper() is what shows a file's frames as
 * they are read, if anything does: pausing means to pause that.
 */
export function openPlayer(video, { cut, stepper }) {
  const [pause, sound, seek] = [element("live-pause"), element("live-sound"), element("live-seek")];

  const active = () => (stepper() && !stepper().isDone() ? stepper() : null);
  const isStill = () => (active() ? active().isHeld() : video.paused);

  function showPause() {
    label(pause, isStill() ? "play" : "pause", t(isStill() ? "live.play" : "live.pause"));
    element("live-progress").hidden = !active();
  }

  function showSound() {
    label(sound, video.muted ? "silent" : "sound", t(video.muted ? "live.unmute" : "live.mute"));
  }

  function showPlace() {
    const [now, whole] = [video.currentTime, video.duration];
    element("live-clock").textContent = `${formatClock(now)} / ${formatClock(whole || 0)}`;
    Object.assign(seek, { max: Number.isFinite(whole) ? whole : 0, value: now });
    seek.setAttribute("aria-valuetext", formatClock(now));
    element("live-progress").value = Number.isFinite(whole) && whole ? now / whole : 0;
  }

  const toggle = () => (active() ? active().toggle() : video.paused ? play() : video.pause());
  const play = () => video.play().catch(showPause); // a browser may wait for a press of the button

  /** Of a still screen Chromium gives one picture, maybe before one listens; asked again, it comes. */
  function askForPicture(stream) {
    if (video.srcObject !== stream || video.readyState >= HTMLMediaElement.HAVE_CURRENT_DATA) return;
    const { paused } = video;
    video.srcObject = stream;
    if (!paused) play();
    setTimeout(askForPicture, PATIENCE_MS, stream);
  }

  pause.addEventListener("click", toggle);
  sound.addEventListener("click", () => (video.muted = !video.muted));
  seek.addEventListener("input", () => (video.currentTime = Number(seek.value)));
  element("live-full").addEventListener("click", () => {
    if (document.fullscreenElement) document.exitFullscreen();
    else element("live-stage").requestFullscreen?.();
  });
  element("live-full").hidden = !document.fullscreenEnabled;
  for (const name of ["play", "pause", "ended"]) video.addEventListener(name, showPause);
  for (const name of ["timeupdate", "durationchange", "seeked"]) video.addEventListener(name, showPlace);
  video.addEventListener("volumechange", showSound);
  video.addEventListener("seeking", () => stepper()?.isStepping() || cut());

  return {
    play,
    showPause,
    isStill,
    /** Show what a source gives. */
    load(source) {
      video.muted = source.kind !== "file";
      if (source.url) video.src = source.url;
      else video.srcObject = source.stream;
      if (source.kind === "screen") setTimeout(askForPicture, PATIENCE_MS, source.stream);
      for (const part of document.querySelectorAll(".live-file")) part.hidden = source.kind !== "file";
      showPause();
      showSound();
    },
    empty() {
      video.pause();
      video.srcObject = null;
      video.removeAttribute("src");
      video.load();
    },
  };
}

function label(button, sign, words) {
  button.replaceChildren(icon(sign));
  button.title = words;
  button.setAttribute("aria-label", words);
}
