// The editor: an image, what is done to it before it is read, and a preview that follows every move.
import { createCropper } from "./cropper.js";
import { createPanel } from "./panel.js";
import { t } from "../shared/i18n.js";
import {
  createHistory, isUntouched, OFFSETS, resultSize, turnBy, turnedSize, UNTOUCHED,
} from "../imaging/edits.js";
import { CLOSED, createRenderer } from "../imaging/renderer.js";

/**
 * An editor in `container`: open(blob, name, edits) shows an image, `edits` is what is done to it by now,
 * close() lets go of it. `onSend(blob)` gets the processed image, or null where the original is to be read;
 * `onClose()` is the reader's wish to leave.
 */
export function createEditor(container, { onSend, onClose }) {
  const panel = createPanel((name, ...values) => actions[name](...values));
  const cropper = createCropper(panel.frame, { onChange: sayCrop, onApply: applyCrop, onCancel: endCrop });
  const renderer = createRenderer(panel.draw, fail);
  let size = null; // of the source; null until it is decoded, or where the browser cannot
  let states = createHistory(UNTOUCHED);
  let live = UNTOUCHED; // with the slider that is being moved
  let send = "processed"; // or "original": what is shown is what is sent
  let isHolding = false; // to compare with the original
  let isRendering = false;
  container.append(panel.root);

  const actions = {
    undo: () => states.canUndo && (states.undo(), settle(t("editor.undone"))),
    redo: () => states.canRedo && (states.redo(), settle(t("editor.redone"))),
    reset: () => isUntouched(live) || change(UNTOUCHED, t("editor.fresh")),
    turn(quarters) {
      const edits = turnBy(live, quarters, size);
      change(edits, t("editor.turned", resultSize(edits, size)));
    },
    slide(name, value) {
      live = { ...live, [name]: value };
      send = "processed";
      refresh();
    },
    settle: (name, value) => change({ ...live, [name]: value }, "", name),
    binarize: (kind) => change({ ...live, binarize: kind, offset: OFFSETS[kind] }),
    invert: (isOn) => change({ ...live, invert: isOn }),
    straighten,
    crop: () => (cropper.isOpen ? endCrop() : startCrop()),
    applyCrop,
    endCrop,
    send(which) {
      send = which;
      stopCrop();
      refresh();
    },
    hold(isHeld) {
      if (isHeld === isHolding) return;
      isHolding = isHeld;
      renderer.preview(isHeld ? UNTOUCHED : shownEdits());
    },
    read,
    close: onClose,
  };

  /** A step that can be undone. */
  function change(edits, sentence = "", control = null) {
    states.add(edits, control);
    settle(sentence);
  }

  function settle(sentence) {
    live = states.current;
    send = "processed";
    stopCrop();
    panel.say(sentence);
    refresh();
  }

  function refresh() {
    panel.reflect({ edits: live, send, states, isShown: Boolean(size), isCropping: cropper.isOpen });
    if (!size) return;
    if (!cropper.isOpen) panel.sayResult(resultSize(send === "original" ? UNTOUCHED : live, size));
    renderer.preview(shownEdits());
  }

  function shownEdits() {
    if (send === "original") return UNTOUCHED;
    return cropper.isOpen ? { ...live, crop: null, angle: 0 } : live;
  }

  async function straighten() {
    try {
      const degrees = await renderer.findSkew(live);
      const found = degrees ? t("editor.straightened", { degrees }) : t("editor.level");
      if (degrees === null) panel.say(t("editor.lineless"));
      else change({ ...live, angle: degrees }, found);
    } catch (error) {
      fail(error);
    }
  }

  function startCrop() {
    send = "processed";
    cropper.start(turnedSize(size, live.turn), live.crop);
    refresh();
  }

  function sayCrop([left, top, right, bottom]) {
    const cropped = { width: right - left, height: bottom - top };
    panel.say(t("editor.crop.size", cropped));
    panel.sayResult(cropped);
  }

  function applyCrop() {
    const edits = { ...live, crop: cropper.crop };
    change(edits, t("editor.crop.done", resultSize(edits, size)));
  }

  function endCrop() {
    stopCrop();
    refresh();
  }

  function stopCrop() {
    if (!cropper.isOpen) return;
    cropper.stop();
    panel.cropButton.focus();
  }

  async function read() {
    if (isRendering) return;
    if (cropper.isOpen) applyCrop();
    if (!size || send === "original" || isUntouched(live)) {
      onSend(null);
      return;
    }
    setRendering(true);
    try {
      onSend(await renderer.render(live));
    } catch (error) {
      fail(error);
    } finally {
      setRendering(false);
    }
  }

  function setRendering(value) {
    isRendering = value;
    panel.setBusy(value);
  }

  function fail({ message }) {
    if (message === CLOSED) return;
    const reason = message === "WorkerError" ? "editor.workerless" : "editor.undecodable";
    panel.warn(t(size ? "editor.failed" : reason));
  }

  return {
    async open(blob, name, edits = {}) {
      renderer.close();
      cropper.stop();
      [size, live, send] = [null, { ...UNTOUCHED, ...edits }, "processed"];
      states = createHistory(live);
      panel.warn("");
      panel.open(name);
      refresh();
      try {
        size = await renderer.open(blob);
      } catch (error) {
        if (error.message === CLOSED) return;
        send = "original";
        fail(error);
      }
      refresh();
    },
    get edits() {
      return states.current;
    },
    close() {
      renderer.close();
      size = null;
    },
  };
}
