// The records that are wanted, asked for page by page.
import { Problem, call } from "../shared/api.js";
import { element } from "../shared/dom.js";
import { asQuery, offerModel } from "./conditions.js";

const PAGE = 20;

/** Pages into `records`; changed() hears when one is asked for, and when it has come or not. */
export function createPages(records, changed) {
  let wanted = {};
  let cursor = null;
  let problem = null;
  let asking = null; // the request under way
  let again = refresh;

  /** The newest, which may be others than before, with what is shown of older ones. */
  function refresh() {
    return load(null, (page) => {
      const isLast = page.next_cursor === null;
      if (!records.renew(page.items, wanted.q, isLast)) cursor = page.next_cursor;
    });
  }

  function loadMore() {
    return load(cursor, (page) => {
      records.append(page.items, wanted.q);
      cursor = page.next_cursor;
    });
  }

  /** Ask for the page after `place` and have it taken in; of two requests the later one counts. */
  async function load(place, takeIn) {
    asking?.abort();
    const mine = (asking = new AbortController());
    again = () => load(place, takeIn);
    problem = null;
    tell();
    try {
      const page = await ask(place, mine.signal);
      page.items.forEach(({ model }) => offerModel(model));
      takeIn(page);
    } catch (refusal) {
      if (refusal.name === "AbortError") return;
      if (!(refusal instanceof Problem)) throw refusal;
      problem = refusal;
    }
    asking = null;
    tell();
  }

  function ask(place, signal) {
    const query = asQuery(wanted);
    query.set("limit", PAGE);
    if (place) query.set("cursor", place);
    return call(`/history?${query}`, { signal });
  }

  function tell() {
    element("history-list").setAttribute("aria-busy", String(asking !== null));
    changed();
  }

  return {
    refresh,
    loadMore,
    tryAgain: () => again(),
    search(conditions) {
      wanted = conditions;
      cursor = null;
      records.clear();
      return refresh();
    },
    problem: () => problem,
    isLoading: () => asking !== null,
    hasMore: () => cursor !== null,
    wanted: () => wanted,
  };
}
