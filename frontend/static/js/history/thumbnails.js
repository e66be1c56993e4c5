// Small pictures of what was read, fetched one after the other as they come into sight.
import { send } from "../shared/api.js";
import { icon, make } from "../shared/dom.js";

const wanted = new WeakMap(); // ids of records, by their places
let turn = Promise.resolve();

const watcher = new IntersectionObserver(
  (entries) => {
    for (const { target } of entries.filter((entry) => entry.isIntersecting)) {
      watcher.unobserve(target);
      turn = turn.then(() => fill(target));
    }
  },
  { rootMargin: "200px" },
);

/** A place for the picture of a record; a sign stands in it until then, or if there is none. */
export function thumbnail({ id, has_thumbnail: isThere }) {
  const place = make("span.thumbnail", { "aria-hidden": "true" }, icon("file"));
  if (isThere) {
    wanted.set(place, id);
    watcher.observe(place);
  }
  return place;
}

async function fill(place) {
  if (!place.isConnected) return;
  const image = make("img", { alt: "" });
  try {
    image.src = URL.createObjectURL(await (await send(`/history/${wanted.get(place)}/thumbnail`)).blob());
    await image.decode();
    place.replaceChildren(image);
  } catch {
    // just forgotten, or the service is away: the sign remains
  } finally {
    if (image.src) URL.revokeObjectURL(image.src);
  }
}
