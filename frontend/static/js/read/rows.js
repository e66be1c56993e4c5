// A selection among lines, as rows on lines of their own with a tab between the cells of one: so spreadsheets take it.

/** Put what is selected in `place` on the clipboard. */
export function copyRows(event, place) {
  const text = event.target.closest?.("[contenteditable]") ? "" : selectedRows(place);
  if (!text) return;
  event.clipboardData.setData("text/plain", text);
  event.preventDefault();
}

/** What is selected in `place`, whose children are rows and their `.words` the cells; "" if nothing is. */
export function selectedRows(place) {
  const range = getSelection().rangeCount ? getSelection().getRangeAt(0) : null;
  if (!range || range.collapsed) return "";
  const cells = (row) => [...row.querySelectorAll(".words")].map((words) => selectedPart(range, words));
  const texts = [...place.children].map((row) => cells(row).filter(Boolean).join("\t"));
  return texts.filter(Boolean).join("\n");
}

function selectedPart(range, words) {
  if (!range.intersectsNode(words)) return "";
  const part = document.createRange();
  part.selectNodeContents(words);
  if (range.compareBoundaryPoints(Range.START_TO_START, part) > 0) {
    part.setStart(range.startContainer, range.startOffset);
  }
  if (range.compareBoundaryPoints(Range.END_TO_END, part) < 0) {
    part.setEnd(range.endContainer, range.endOffset);
  }
  return part.toString().trim();
}
