// Files dropped anywhere on the page: the view that is shown takes them, and no browser opens them in its place.
const hasFiles = ({ dataTransfer }) => Boolean(dataTransfer?.types.includes("Files"));

for (const name of ["dragover", "drop"]) {
  addEventListener(name, (event) => hasFiles(event) && event.preventDefault());
}

/** isShown(): whether the view is; mark(isOver): files are over the page; take(transfer): they were let go. */
export function listenToDrops({ isShown, mark, take }) {
  addEventListener("dragover", (event) => isShown() && hasFiles(event) && mark(true));
  addEventListener("dragleave", ({ relatedTarget }) => relatedTarget || mark(false)); // out of the window
  addEventListener("drop", (event) => {
    if (!isShown() || !hasFiles(event)) return;
    mark(false);
    take(event.dataTransfer);
  });
}
