// What the editor looks like. It knows no image: act(name, …values) does what a control asks for.
import { make } from "../shared/dom.js";
import { formatNumber, t } from "../shared/i18n.js";
import { isUntouched } from "../imaging/edits.js";
import { makeButton, makeChoice, makeSign, makeSlider } from "./controls.js";
import { createHistogram } from "./histogram.js";

export function createPanel(act) {
  const heading = make("h2", { id: "editor-title", tabindex: -1 });
  const stage = makeStage(act);
  const steps = makeSteps(act);
  const tools = makeTools(act);
  const foot = makeFoot(act);
  const close = makeSign("close", t("editor.close"), () => act("close"));
  const root = make(
    "div.editor",
    { role: "group", "aria-labelledby": "editor-title", onkeydown: (event) => pressed(event, act) },
    make(
      "div.editor-grid", {},
      make("div.editor-head", {}, heading, steps.row, close), stage.row, tools.row, foot.row,
    ),
  );
  return {
    root,
    frame: stage.frame,
    cropButton: tools.crop,
    sayResult: stage.sayResult,
    say: (sentence) => (stage.status.textContent = sentence),
    warn: (sentence) => {
      stage.alert.textContent = sentence;
      stage.alert.hidden = !sentence;
    },
    draw({ bitmap, counts, threshold }, edits) {
      stage.draw(bitmap);
      tools.draw(counts, edits.binarize === "otsu" ? threshold : null);
    },
    open(name) {
      heading.textContent = t("editor.title", { name });
      heading.focus({ preventScroll: true });
      root.parentElement.scrollIntoView({ block: "start" });
    },
    reflect(state) {
      steps.reflect(state);
      tools.reflect(state);
      foot.reflect(state);
      stage.frame.hidden = !state.isShown;
    },
    setBusy: foot.setBusy,
  };
}

function pressed(event, act) {
  if (!(event.ctrlKey || event.metaKey)) return;
  const key = event.key.toLowerCase();
  if (key !== "z" && key !== "y") return;
  act(key === "y" || event.shiftKey ? "redo" : "undo");
  event.preventDefault();
}

function makeStage(act) {
  const hold = (isHeld) => () => act("hold", isHeld);
  const canvas = make("canvas", {
    role: "img", title: t("editor.hold"), onpointerdown: hold(true),
    onpointerup: hold(false), onpointercancel: hold(false), onpointerleave: hold(false),
  });
  const context = canvas.getContext("bitmaprenderer");
  const frame = make("div.editor-frame", {}, canvas);
  const size = make("p.badge.editor-size");
  const status = make("p.unseen", { role: "status" });
  const alert = make("p.banner.bad", { role: "alert", hidden: true });
  return {
    row: make("div.editor-stage", {}, frame, alert, size, status),
    frame, status, alert,
    draw(bitmap) {
      const { width, height } = bitmap;
      frame.style.setProperty("--ratio", width / height);
      if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
      context.transferFromImageBitmap(bitmap);
    },
    /** How large that will be which is read. */
    sayResult({ width, height }) {
      size.textContent = `${formatNumber(width)} × ${formatNumber(height)}`;
      canvas.setAttribute("aria-label", t("editor.preview", { width, height }));
    },
  };
}

function makeSteps(act) {
  const undo = makeSign("undo", t("editor.undo"), () => act("undo"));
  const redo = makeSign("redo", t("editor.redo"), () => act("redo"));
  const reset = makeButton("button.quiet", null, t("editor.reset"), () => act("reset"));
  return {
    row: make("div.actions", { role: "group", "aria-label": t("editor.steps") }, undo, redo, reset),
    reflect({ edits, states }) {
      disable(undo, !states.canUndo);
      disable(redo, !states.canRedo);
      disable(reset, isUntouched(edits));
    },
  };
}

/** Not by `disabled`, which would drop the focus of who has just pressed it. */
function disable(button, isDisabled) {
  button.setAttribute("aria-disabled", isDisabled);
}

function makeTools(act) {
  const sliders = Object.fromEntries(
    ["angle", "contrast", "brightness", "offset", "window"].map((name) => [name, makeSlider(name, {
      onInput: (value) => act("slide", name, value), onChange: (value) => act("settle", name, value),
    })]),
  );
  const crop = makeButton("button", "crop", t("editor.crop"), () => act("crop"));
  const level = makeButton("button", "level", t("editor.straighten"), () => act("straighten"));
  level.title = t("editor.auto");
  const kinds = [["off", t("editor.off")], ["otsu", t("editor.otsu")], ["adaptive", t("editor.adaptive")]];
  const binarize = makeChoice("binarize", t("editor.binarize"), kinds, (kind) => act("binarize", kind));
  const invert = make("input", { type: "checkbox", onchange: () => act("invert", invert.checked) });
  const histogram = createHistogram();
  const row = make("div.editor-tools", {},
    make("div.actions", { role: "group", "aria-label": t("editor.position") },
      makeSign("rotate-left", t("editor.left"), () => act("turn", -1)),
      makeSign("rotate-right", t("editor.right"), () => act("turn", 1)),
      crop, level),
    sliders.angle.row,
    sliders.contrast.row, sliders.brightness.row, histogram.drawing,
    binarize.row, sliders.offset.row, sliders.window.row,
    make("label.check", {}, invert, t("editor.invert")));
  return {
    row, crop,
    draw: histogram.show,
    reflect({ edits, isShown, isCropping }) {
      row.hidden = !isShown;
      crop.setAttribute("aria-pressed", isCropping);
      for (const [name, slider] of Object.entries(sliders)) slider.set(edits[name]);
      sliders.offset.row.hidden = edits.binarize === "off";
      sliders.window.row.hidden = edits.binarize !== "adaptive";
      binarize.set(edits.binarize);
      invert.checked = edits.invert;
    },
  };
}

function makeFoot(act) {
  const kinds = [["processed", t("editor.processed")], ["original", t("editor.original")]];
  const send = makeChoice("send", t("editor.send"), kinds, (which) => act("send", which));
  const read = makeButton("button.main", null, t("editor.read"), () => act("read"));
  const cropping = makeCropBar(act);
  const sending = make("div.editor-sending", {}, send.row, read);
  return {
    row: make("div.editor-foot", {}, cropping, sending),
    reflect({ send: which, isShown, isCropping }) {
      cropping.hidden = !isCropping;
      sending.hidden = isCropping;
      send.set(which);
      send.row.disabled = !isShown;
    },
    setBusy(isBusy) {
      disable(read, isBusy);
      read.textContent = isBusy ? t("editor.busy") : t("editor.read");
    },
  };
}

function makeCropBar(act) {
  return make("div.actions", { hidden: true },
    make("p.small.soft", {}, t("editor.crop.advice")),
    makeButton("button", null, t("editor.crop.cancel"), () => act("endCrop")),
    makeButton("button.main", "check", t("editor.crop.apply"), () => act("applyCrop")));
}
