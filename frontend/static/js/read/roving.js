// One tab stop for many things: the arrow keys go from one to the next.

/** Of the elements in `container` that fit `selector`, the one with tabindex 0 is the stop. */
export function rove(container, selector) {
  const goTo = (target) => {
    if (!target) return;
    for (const other of container.querySelectorAll(`${selector}[tabindex="0"]`))
      other.setAttribute("tabindex", "-1");
    target.setAttribute("tabindex", "0");
    target.focus();
  };
  container.addEventListener("keydown", (event) => {
    const current = event.target.closest(selector);
    if (!current || event.altKey || event.ctrlKey || event.metaKey) return;
    const all = [...container.querySelectorAll(selector)];
    const steps = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 };
    const places = { Home: 0, End: all.length - 1 };
    const next = places[event.key] ?? all.indexOf(current) + (steps[event.key] ?? NaN);
    if (Number.isNaN(next)) return;
    event.preventDefault();
    goTo(all[next]);
  });
  container.addEventListener("focusin", (event) => {
    const current = event.target.closest(selector);
    if (!current || current.getAttribute("tabindex") === "0") return;
    for (const other of container.querySelectorAll(`${selector}[tabindex="0"]`))
      other.setAttribute("tabindex", "-1");
    current.setAttribute("tabindex", "0");
  });
}
