// Which view is shown: the one that the address names after its #.
import * as history from "./history/view.js";
import * as live from "./live/view.js";
import * as read from "./read/view.js";
import * as review from "./review/view.js";
import { element } from "./shared/dom.js";

const VIEWS = { read, history, review, live };
const mounted = {};
let shown = null;

function show() {
  const asked = location.hash.slice(1) || "read";
  const name = asked in VIEWS ? asked : (shown ?? "read"); // the skip link leads to #main, which is no view
  if (name === shown) return;
  mounted[shown]?.hidden?.();
  for (const view of Object.keys(VIEWS)) element(`view-${view}`).hidden = view !== name;
  for (const link of document.querySelectorAll("nav.views a[data-view]")) {
    link.toggleAttribute("aria-current", link.dataset.view === name);
    if (link.dataset.view === name) link.setAttribute("aria-current", "page");
  }
  mounted[name] ??= VIEWS[name].mount(element(`view-${name}`)) ?? {};
  mounted[name].shown?.();
  if (shown) element("main").focus({ preventScroll: true });
  shown = name;
}

addEventListener("hashchange", show);
show();
