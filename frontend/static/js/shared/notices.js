// Sentences that come and go in a corner of the page, and are read out.
import { element, icon, make } from "./dom.js";
import { t } from "./i18n.js";

const SECONDS = 6;

/**
 * Show a sentence. `action` is { label, run }; `seconds` 0: until it is dismissed. Bad news is read out at once.
 * Returns { say(sentence), close() }.
 */
export function notify(sentence, { bad = false, action = null, seconds = bad ? 12 : SECONDS, onClose } = {}) {
  const words = make("p", {}, sentence);
  const close = () => {
    if (!notice.isConnected) return;
    clearTimeout(timer);
    if (notice.contains(document.activeElement)) element("main").focus({ preventScroll: true });
    notice.remove();
    onClose?.();
  };
  const notice = make(
    bad ? "div.notice.bad" : "div.notice",
    {},
    bad && icon("alert"),
    words,
    action && make("button.quiet", { type: "button", onclick: () => (action.run(), close()) }, action.label),
    make(
      "button.quiet.square",
      { type: "button", "aria-label": t("shell.dismiss"), onclick: close },
      icon("close"),
    ),
  );
  element(bad ? "alerts" : "notices").append(notice);
  const timer = seconds ? setTimeout(close, seconds * 1000) : null;
  return { say: (other) => (words.textContent = other), close };
}
