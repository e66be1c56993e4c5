// How the window is shared between picture and text: dragged or by keys, and remembered.
import { element } from "../shared/dom.js";

const STORED = "ocr-split";
const LEAST = 0.25;
const MOST = 0.75;
const USUAL = 0.54;
const STEP = 0.02;

export function listen() {
  const splitter = element("splitter");
  let share = USUAL;
  const set = (wanted) => {
    share = Math.min(MOST, Math.max(LEAST, wanted || USUAL));
    element("workspace").style.setProperty("--share", share);
    splitter.setAttribute("aria-valuenow", Math.round(share * 100));
  };
  const keep = () => localStorage.setItem(STORED, share);
  set(Number(localStorage.getItem(STORED)));
  splitter.addEventListener("pointerdown", (event) => {
    event.preventDefault();
    splitter.setPointerCapture(event.pointerId);
  });
  splitter.addEventListener("pointermove", (event) => {
    if (splitter.hasPointerCapture(event.pointerId)) set(shareAt(event.clientX));
  });
  splitter.addEventListener("pointerup", keep);
  splitter.addEventListener("dblclick", () => (set(USUAL), keep()));
  splitter.addEventListener("keydown", (event) => {
    const wanted = { ArrowLeft: share - STEP, ArrowRight: share + STEP, Home: LEAST, End: MOST }[event.key];
    if (wanted === undefined) return;
    event.preventDefault();
    set(wanted);
    keep();
  });
}

/** What is left of a place in the window, of both panes together. */
function shareAt(x) {
  const { left } = element("picture").getBoundingClientRect();
  const { right } = element("reading").getBoundingClientRect();
  return (x - left) / (right - left);
}
