// Tone, binarization and inversion of an image: the second half of the order that edits.js names.

import {
  applyCurve, binarize, binarizeAdaptive, greyscale, histogram, invert, otsuThreshold, paintGrey, toneCurve,
  windowPixels,
} from "./pixels.js";

/** Develops an image in place. `threshold` is what Otsu's method finds in it, or in its preview.
    Returns the histogram and the threshold. */
export function develop(image, edits, threshold = null) {
  const curve = toneCurve(edits);
  const grey = greyscale(image, curve);
  const counts = histogram(grey);
  const found = threshold ?? otsuThreshold(counts) + edits.offset;
  if (edits.binarize !== "off") paintGrey(image, blackAndWhite(image, grey, edits, found));
  else if (edits.contrast || edits.brightness) applyCurve(image, curve);
  if (edits.invert) invert(image);
  return { counts, threshold: found };
}

function blackAndWhite({ width, height }, grey, { binarize: kind, window, offset }, threshold) {
  if (kind === "otsu") return binarize(grey, threshold);
  return binarizeAdaptive(grey, width, height, windowPixels(window, width, height), offset);
}
