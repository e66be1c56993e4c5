// The ways to look at what was read: as text, compared, as JSON; where the window is narrow, the picture too.
import { element } from "../shared/dom.js";

const WIDE = matchMedia("(min-width: 52.01rem)"); // as in workspace.css: the picture stands beside the text

/** json(): what the panel of that name shows. */
export function listenToTabs(json) {
  const tabs = [...element("reading").querySelectorAll("[role=tab]")];
  const choose = (tab) => {
    for (const other of tabs) {
      other.setAttribute("aria-selected", other === tab);
      other.tabIndex = other === tab ? 0 : -1;
      const panel = element(other.getAttribute("aria-controls"));
      if (panel.matches("[role=tabpanel]")) panel.hidden = other !== tab;
    }
    element("workspace").classList.toggle("shows-picture", tab.id === "tab-picture");
    if (tab.id === "tab-json") element("json").textContent = json();
  };
  for (const tab of tabs) {
    tab.addEventListener("click", () => choose(tab));
    tab.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (!step) return;
      const shown = tabs.filter((one) => one.checkVisibility());
      const other = shown.at((shown.indexOf(tab) + step) % shown.length);
      other.focus();
      choose(other);
    });
  }
  WIDE.addEventListener("change", () => {
    if (element("workspace").classList.contains("shows-picture")) choose(element("tab-text"));
  });
}
