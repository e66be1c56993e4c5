// Live video: a camera, a screen or a file, the lines over its picture, and the transcript beside it.
import { Problem, call } from "./api.js";
import { element, make } from "./elements.js";
import { formatNumber, t } from "./i18n.js";
import { notify } from "./notices.js";
import { drawLines } from "./live/overlay.js";
import { openPanel } from "./live/panel.js";
import { openPlayer } from "./live/player.js";
import { startReading } from "./live/reader.js";
import { Unavailable, listCameras, openCamera, openFile, openScreen, release } from "./live/sources.js";

const FIGURES_MS = 500;

export function mount(section) {
  const video = element("live-video");
  const overlay = element("live-overlay");
  let run = null; // what is being read: { source, reading, isAsleep }
  let latest = null; // the answer that is drawn: { lines, picture }
  const panel = openPanel({
    seek: (seconds) => run?.source.kind === "file" && (video.currentTime = seconds),
    open: () => run?.reading.entries() ?? [],
  });
  const player = openPlayer(video, { cut: () => run?.reading.cut() });

  /** Read a source; `open` gives it, or null if the reader changed their mind. */
  async function start(open) {
    const source = await attempt(open);
    if (!source) return;
    const seconds = await panel.begin(source);
    if (seconds === null) return release(source);
    if (run) stop();
    const began = performance.now() / 1000 - seconds;
    const isLive = source.kind !== "file";
    const now = isLive ? () => performance.now() / 1000 - began : () => video.currentTime;
    player.load(source);
    const reading = startReading({ video, model: element("live-model").value, isLive, now }, events);
    run = { source, reading, isAsleep: false, hasBegun: isLive };
    if (isLive) player.play();
    watch(source);
    showRunning();
    element("live-pause").focus();
  }

  /** A file plays once it is read, so that its first lines are not missed. */
  function begin() {
    run.hasBegun = true;
    player.play();
  }

  const events = {
    ended: panel.enter,
    state(...state) {
      showState(...state);
      if (state[0] === "open" && run && !run.hasBegun) begin();
    },
    failed: ({ status, code, detail }) => showState("open", new Problem({ status, code, detail }).sentence),
    shown(answer, picture, entries) {
      latest = { lines: answer.lines, picture };
      if (!element("live-advice").hidden && element("live-state").dataset.state === "open") showState("open");
      redraw();
      showLines(entries);
    },
  };

  function stop(sentence = null) {
    const { source, reading } = run;
    reading.stop();
    run = latest = null;
    release(source);
    player.empty();
    overlay.replaceChildren();
    showLines([]);
    showRunning();
    panel.showActions();
    if (sentence) notify(sentence);
  }

  /** A camera may be pulled out, and a screen is often no longer shared by the browser's own button. */
  function watch(source) {
    for (const track of source.stream?.getTracks() ?? []) {
      track.onended = () => run?.source === source && stop(t(`live.${source.kind}.gone`));
    }
    if (source.kind === "camera") showCameras(source.device);
  }

  async function useCamera(device) {
    const mine = run;
    mine.reading.cut();
    release(mine.source);
    const source = await attempt(() => openCamera(device));
    if (run !== mine) return source && release(source);
    if (!source) return stop();
    mine.source = source;
    player.load(source);
    player.play();
    watch(source);
  }

  /** Nothing is filmed or played unseen. A screen is shared to look at something else, so that goes on. */
  function beSeen(isSeen) {
    if (!run || run.source.kind === "screen" || isSeen !== run.isAsleep) return;
    if (!isSeen && video.paused) return;
    run.isAsleep = !isSeen;
    if (!isSeen) {
      video.pause();
      if (run.source.kind === "camera") release(run.source);
    } else if (run.source.kind === "camera") useCamera(run.source.device);
    else player.play();
  }

  function redraw() {
    if (latest) drawLines(overlay, latest.lines, latest.picture, element("live-manner").value);
  }

  function showRunning() {
    section.classList.toggle("is-running", Boolean(run));
    for (const part of section.querySelectorAll(".live-running")) part.toggleAttribute("hidden", !run);
    element("live-sources").hidden = Boolean(run);
    element("live-name").textContent = run?.source.name ?? "";
    if (run?.source.kind !== "camera") element("live-cameras").hidden = true;
    showFigures();
  }

  function showFigures() {
    if (!run) return;
    const { perSecond, sent, dropped, elapsed, roundTrip } = run.reading.figures();
    const [rate, trip] = [formatNumber(perSecond), asTime(roundTrip)];
    const said = { rate, sent, dropped, elapsed: asTime(elapsed), trip };
    for (const [name, value] of Object.entries(said)) element(`live-${name}`).textContent = value;
  }

  async function showCameras(device) {
    const cameras = await listCameras();
    const options = cameras.map(({ id, label }) => new Option(label, id, false, id === device));
    element("live-camera").replaceChildren(...options);
    element("live-cameras").hidden = cameras.length < 2;
  }

  async function loadModels() {
    const { models } = await call("/models");
    const select = element("live-model");
    const isUsual = (name) => name === select.dataset.default;
    select.replaceChildren(...models.map(({ name }) => new Option(name, name, false, isUsual(name))));
  }

  listen();
  loadModels().catch((problem) => notify(problem.sentence ?? problem.message, { bad: true }));
  setInterval(showFigures, FIGURES_MS);
  return { shown: () => beSeen(true), hidden: () => beSeen(false) };

  function listen() {
    const file = element("live-file");
    const press = (id, act) => element(id).addEventListener("click", act);
    press("live-use-camera", () => start(openCamera));
    press("live-use-screen", () => start(openScreen));
    press("live-use-file", () => file.click());
    press("live-stop", () => (stop(), element("live-use-camera").focus()));
    press("live-again", () => run?.reading.tryNow());
    file.addEventListener("change", () => {
      if (file.files.length) start(() => openFile(file.files[0]));
      file.value = "";
    });
    element("live-model").addEventListener("change", ({ target }) => run?.reading.readWith(target.value));
    element("live-camera").addEventListener("change", ({ target }) => useCamera(target.value));
    element("live-manner").addEventListener("change", redraw);
    video.addEventListener("error", () => {
      if (run?.source.url) stop(t("live.file.unplayable", { name: run.source.name }));
    });
    document.addEventListener("visibilitychange", () => beSeen(!document.hidden && !section.hidden));
    addEventListener("online", () => run?.reading.tryNow());
    takeDrops(section, (dropped) => start(() => openFile(dropped)));
  }
}

/** What `open` gives; null, and a sentence, where there is nothing. */
async function attempt(open) {
  try {
    return await open();
  } catch (error) {
    if (!(error instanceof Unavailable)) throw error;
    notify(error.message, { bad: true });
    return null;
  }
}

function showState(name, sentence = "", seconds = null) {
  const badge = element("live-state");
  if (badge.dataset.state !== name) badge.textContent = t(`live.state.${name}`);
  badge.dataset.state = name;
  const advice = seconds ? t("problem.waiting", { sentence, seconds: formatNumber(seconds) }) : sentence;
  element("live-advice").textContent = advice;
  element("live-advice").hidden = !advice;
  element("live-again").hidden = name !== "waiting";
}

let written = "";

/** What is shown now, from top to bottom, written only when it changes. */
function showLines(entries) {
  const words = entries.map(({ text }) => text);
  element("live-nothing").hidden = words.length > 0;
  if (words.join("\n") === written) return;
  written = words.join("\n");
  element("live-shown").replaceChildren(...words.map((text) => make("li", {}, text)));
}

const asTime = (duration) => (duration === null ? "–" : `${formatNumber(Math.round(duration))} ms`);

/** Files dropped anywhere on the view. */
function takeDrops(section, take) {
  const mark = (isOver) => section.classList.toggle("is-over", isOver);
  const hasFiles = ({ dataTransfer }) => dataTransfer.types.includes("Files");
  section.addEventListener("dragover", (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    mark(true);
  });
  section.addEventListener("dragleave", ({ relatedTarget }) => mark(section.contains(relatedTarget)));
  section.addEventListener("drop", (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    event.stopPropagation();
    mark(false);
    if (event.dataTransfer.files.length) take(event.dataTransfer.files[0]);
  });
}
