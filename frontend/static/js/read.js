// Getting images in, and what was read in them.
export function mount() {}

/** Show an answer of the history again: { name, answer, blob }, whose blob is the image, or null. */
export function openRecord() {}
