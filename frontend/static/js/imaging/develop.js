// An image and its edits -> what they make of it: the second half of the order that edits.js names.

import {
  applyCurve, binarize, binarizeAdaptive, greyscale, histogram, invert, otsuThreshold, paintGrey, toneCurve,
  windowPixels,
} from "./pixels.js";

/** The threshold and the histogram that belong to an image; taken from the preview for the full size, too,
    so that what is sent is what was seen. */
export function meter(image, edits) {
  const counts = histogram(greyscale(image, toneCurve(edits)));
  return { counts, threshold: otsuThreshold(counts) + edits.offset };
}

/** Tone, binarization and inversion, in place. */
export function develop(image, edits, threshold) {
  const curve = toneCurve(edits);
  if (edits.binarize !== "off") paintGrey(image, blackAndWhite(image, greyscale(image, curve), edits, threshold));
  else if (edits.contrast || edits.brightness) applyCurve(image, curve);
  if (edits.invert) invert(image);
}

function blackAndWhite({ width, height }, grey, edits, threshold) {
  if (edits.binarize === "otsu") return binarize(grey, threshold);
  return binarizeAdaptive(grey, width, height, windowPixels(edits.window, width, height), edits.offset);
}
