// Keys that work wherever nobody types: { key: action }, and a list of them.
import { element } from "../shared/dom.js";

const TYPING = "input:not([type=range], [type=checkbox]), textarea, select, [contenteditable]";

export const isTyping = (target) => Boolean(target.closest?.(TYPING));

/** Heard while `isShown()`; an action that returns false has done nothing. */
export function listen(actions, isShown) {
  const all = { ...actions, "?": () => element("keys-dialog").showModal() };
  element("shortcuts").addEventListener("click", all["?"]);
  addEventListener("keydown", (event) => {
    const isFree = isShown() && !isTyping(event.target) && !document.querySelector("dialog[open]");
    if (!isFree || event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    const action = Object.hasOwn(all, event.key) && all[event.key];
    if (action && action() !== false) event.preventDefault();
  });
}
