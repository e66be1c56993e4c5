// Live video: a camera, a screen or a file, the lines over its picture, and the transcript beside it.
import { Problem, call } from "../shared/api.js";
import { listenToDrops } from "../shared/dropzone.js";
import { element } from "../shared/dom.js";
import { t } from "../shared/i18n.js";
import { findModel } from "../shared/models.js";
import { notify } from "../shared/notices.js";
import { drawLines } from "./overlay.js";
import { openPanel } from "./panel.js";
import { openPlayer } from "./player.js";
import { startReading } from "./reader.js";
import { Unavailable, listCameras, openCamera, openFile, openScreen, release } from "./sources.js";
import { showFigures, showLines, showState } from "./status.js";

const FIGURES_MS = 500;
const FRESH_MS = 1000; // so long what was read is shown as it is
const STALE_MS = 3000; // and from here on, while the picture moves, not at all

export function mount(section) {
  const video = element("live-video");
  const overlay = element("live-overlay");
  let run = null; // what is being read: { source, reading, isAsleep }
  let latest = null; // the answer that is drawn: { lines, picture }
  const panel = openPanel({
    seek: (seconds) => run?.source.kind === "file" && (video.currentTime = seconds),
    open: () => run?.reading.entries() ?? [],
  });
  const player = openPlayer(video, { cut, stepper: () => run?.reading.stepper });

  /** Read a source; `open` gives it, or null if the reader changed their mind. */
  async function start(open) {
    const source = await attempt(open);
    if (!source) return;
    const wish = await panel.ask(source);
    if (!["continue", "clear"].includes(wish) || section.hidden) return release(source);
    if (run) stop();
    const began = performance.now() / 1000 - panel.begin(source, wish);
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

  function cut() {
    run?.reading.cut();
    forget();
  }

  /** A file goes on as it is read, so that none of its lines are missed; where that cannot be, it plays. */
  async function begin() {
    run.hasBegun = true;
    if (!(await run.reading.stepper.start())) player.play();
  }

  /** What was read fades as it grows old, while the picture moves on: nobody knows then whether it is still there. */
  function fade() {
    const age = latest && !player.isStill() ? performance.now() - latest.picture.sentAt : 0;
    overlay.style.opacity = Math.min(1, Math.max(0, (STALE_MS - age) / (STALE_MS - FRESH_MS)));
  }

  const events = {
    cut: forget,
    moved: cut,
    stepping: () => player.showPause(),
    ended: panel.enter,
    state(...state) {
      showState(...state);
      if (state[0] === "open" && run && !run.hasBegun) begin();
      if (["waiting", "failed"].includes(state[0])) forget();
    },
    failed: ({ status, code, detail }) => showState("open", new Problem({ status, code, detail }).sentence),
    shown(answer, picture, entries) {
      latest = { lines: answer.lines, picture };
      fade();
      showState("open");
      redraw();
      showLines(entries);
      panel.showActions();
    },
  };

  function stop(sentence = null) {
    const { source, reading } = run;
    const hadFocus = section.contains(document.activeElement);
    reading.stop();
    run = null;
    release(source);
    player.empty();
    forget();
    showRunning();
    panel.end();
    if (sentence) notify(sentence, { bad: true });
    if (hadFocus) element(`live-use-${source.kind}`).focus();
  }

  function forget() {
    latest = null;
    overlay.replaceChildren();
    showLines(null);
  }

  /** A camera may be pulled out, and a screen is often no longer shared by the browser's own button. */
  function watch(source) {
    for (const track of source.stream?.getTracks() ?? []) {
      track.onended = () => run?.source === source && stop(t(`live.${source.kind}.gone`));
    }
    if (source.kind === "camera") showCameras(source.device);
  }

  function letGo() {
    cut();
    release(run.source);
  }

  async function useCamera(device) {
    const mine = run;
    letGo();
    const source = await attempt(() => openCamera(device));
    if (run !== mine || mine.isAsleep) return source && release(source);
    if (!source) return stop();
    mine.source = source;
    player.load(source);
    player.play();
    watch(source);
  }

  /** Nothing is filmed or played unseen. A screen is shared to look at something else, so that goes on. */
  function beSeen(isSeen) {
    if (!run || run.source.kind === "screen" || isSeen !== run.isAsleep) return;
    if (!isSeen && player.isStill() && run.source.kind === "file") return;
    run.isAsleep = !isSeen;
    if (!isSeen) {
      run.reading.stepper?.hold();
      video.pause();
      if (run.source.kind === "camera") letGo();
    } else if (run.source.kind === "camera") useCamera(run.source.device);
    else if (!run.reading.stepper?.goOn()) player.play();
  }

  function refuseFile() {
    if (run?.source.kind === "file") stop(t("live.file.unplayable", { name: run.source.name }));
  }

  function fitStage() {
    element("live-stage").style.aspectRatio = run && `${video.videoWidth} / ${video.videoHeight}`;
  }

  function redraw() {
    if (latest) drawLines(overlay, latest.lines, latest.picture, element("live-style").value);
  }

  function showRunning() {
    section.classList.toggle("is-running", Boolean(run));
    for (const part of section.querySelectorAll(".live-running")) part.toggleAttribute("hidden", !run);
    element("live-sources").hidden = Boolean(run);
    fitStage();
    element("live-name").textContent = run?.source.name ?? "";
    if (run?.source.kind !== "camera") element("live-cameras").hidden = true;
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
    const usual = findModel(models, select.dataset.default);
    select.replaceChildren(
      ...models.map((model) => new Option(model.name, model.name, false, model === usual)),
    );
  }

  listen();
  loadModels().catch((problem) => notify(problem.sentence ?? problem.message, { bad: true }));
  setInterval(() => run && (showFigures(run.reading.figures()), fade()), FIGURES_MS);
  return { shown: () => beSeen(true), hidden: () => beSeen(false) };

  function listen() {
    const file = element("live-file");
    const press = (id, act) => element(id).addEventListener("click", act);
    press("live-use-camera", () => start(openCamera));
    press("live-use-screen", () => start(openScreen));
    press("live-use-file", () => file.click());
    press("live-stop", () => stop());
    press("live-again", () => run?.reading.tryNow());
    element("live-insecure").hidden = isSecureContext;
    file.addEventListener("change", () => {
      if (file.files.length) start(() => openFile(file.files[0]));
      file.value = "";
    });
    element("live-model").addEventListener("change", ({ target }) => run?.reading.readWith(target.value));
    element("live-camera").addEventListener("change", ({ target }) => useCamera(target.value));
    element("live-style").addEventListener("change", redraw);
    video.addEventListener("error", refuseFile);
    video.addEventListener("loadedmetadata", () => video.videoWidth || refuseFile());
    video.addEventListener("resize", fitStage);
    document.addEventListener("visibilitychange", () => beSeen(!document.hidden && !section.hidden));
    addEventListener("online", () => run?.reading.tryNow());
    listenToDrops({
      isShown: () => !section.hidden,
      mark: (isOver) => section.classList.toggle("is-over", isOver),
      take: ({ files }) => files.length && start(() => openFile(files[0])),
    });
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
