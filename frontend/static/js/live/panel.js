// The transcript beside the picture: written as lines end, kept over a reload, saved as files.
import { element, icon, make, save } from "../shared/dom.js";
import { formatNumber, formatPercent, t } from "../shared/i18n.js";
import { notify } from "../shared/notices.js";
import { asSrt, asText, enter, formatClock } from "./transcript.js";

const KEY = "ocr-transcript";
const UNSURE = 0.6;
const SPEAK_MS = 4000;
const KEEP_MS = 1000;

/** seek(seconds) is called when a time is pressed; open() has the entries of lines that have not ended. */
export function openPanel({ seek, open }) {
  const list = element("live-transcript");
  const rows = new WeakMap();
  const kept = restore();
  let { name, entries } = kept;
  let isRestored = entries.length > 0;
  let isFollowing = true;
  let latest = null;
  let keeping = null;
  let canSeek = false;
  const speak = openVoice(element("live-voice"));

  const all = () => open().reduce(enter, entries);

  function row(entry) {
    if (!rows.has(entry)) rows.set(entry, makeRow(entry, seek));
    return rows.get(entry);
  }

  function draw(newest = entries.at(-1)) {
    for (const [place, entry] of entries.entries()) {
      if (list.children[place] !== row(entry)) list.insertBefore(row(entry), list.children[place] ?? null);
    }
    while (list.children.length > entries.length) list.lastChild.remove();
    element("live-empty").hidden = entries.length > 0;
    list.hidden = !entries.length;
    list.classList.toggle("seekable", canSeek);
    element("live-count").textContent = formatNumber(entries.length);
    element("live-count").hidden = !entries.length;
    latest = newest && row(newest);
    if (isFollowing) follow();
    showActions();
  }

  function showActions() {
    const isEmpty = !entries.length && !open().length;
    for (const button of document.querySelectorAll("#live-actions button")) button.disabled = isEmpty;
  }

  function write(others, newest) {
    entries = others;
    draw(newest);
    keeping ??= setTimeout(keep, KEEP_MS);
  }

  function keep() {
    clearTimeout(keeping);
    keeping = null;
    try {
      sessionStorage.setItem(KEY, JSON.stringify({ name, entries: all() }));
    } catch {
      notify(t("live.not-kept"), { bad: true });
    }
  }

  function clear() {
    const [before, beforeName] = [all(), name];
    write([]);
    const undo = () => {
      name ??= beforeName;
      write(before.reduce(enter, entries));
    };
    notify(t("live.cleared"), { action: { label: t("shell.undo"), run: undo } });
  }

  const actions = {
    "live-copy": () =>
      copy(asText(all())).then(
        () => notify(t("live.copied")),
        () => notify(t("live.not-copied"), { bad: true }),
      ),
    "live-txt": () => save(new Blob([asText(all())], { type: "text/plain" }), fileName(name, "txt")),
    "live-srt": () => save(new Blob([asSrt(all())], { type: "application/x-subrip" }), fileName(name, "srt")),
    "live-clear": clear,
    "live-newest": follow,
  };
  for (const [id, act] of Object.entries(actions)) element(id).addEventListener("click", act);

  function follow() {
    if (latest) reveal(list, latest);
    mind();
  }

  /** Whoever scrolls away from the newest line stays there, and finds back with a button. */
  function mind() {
    isFollowing = !latest || isSeen(list, latest);
    element("live-newest").hidden = isFollowing;
  }

  list.addEventListener("scroll", mind);
  addEventListener("pagehide", keep);
  draw();

  return {
    showActions,
    /** The source is gone. */
    end() {
      canSeek = false;
      draw();
    },
    enter(entry) {
      const others = enter(entries, entry);
      const newest = others.find((other) => !entries.includes(other));
      if (newest && !entries.some(({ text }) => text === newest.text)) speak(newest.text);
      write(others, newest);
    },
    /** "continue" or "clear" the transcript for this source; anything else: do not begin. */
    async ask(source) {
      const isOther = isRestored || (name !== null && name !== source.name);
      const count = all().length;
      return count && isOther ? ask(count, name) : "continue";
    },
    /** Write on for a source. The seconds that the transcript has already. */
    begin(source, wish) {
      if (wish === "clear") clear();
      name = source.name;
      isRestored = false;
      canSeek = source.kind === "file";
      draw();
      return Math.max(0, ...entries.map(({ end }) => end));
    },
  };
}

function makeRow(entry, seek) {
  const clock = `${formatClock(entry.start)}–${formatClock(entry.end)}`;
  const play = () => seek(entry.start);
  return make(
    "li",
    {},
    make("button.quiet.when", { type: "button", title: t("live.seek"), onclick: play }, clock),
    make("span.when", {}, clock),
    make("span.said", {}, entry.text),
    entry.confidence < UNSURE && makeDoubt(entry.confidence),
  );
}

function makeDoubt(confidence) {
  const title = t("live.unsure");
  const words = make("span.unseen", {}, title);
  return make("span.badge.warn", { title }, icon("alert"), words, formatPercent(confidence));
}

const copy = async (text) => navigator.clipboard.writeText(text);

/** Scroll a list, and nothing else, so that a row of it is seen. */
function reveal(list, row) {
  const [outer, inner] = [list.getBoundingClientRect(), row.getBoundingClientRect()];
  if (inner.bottom > outer.bottom) list.scrollTop += inner.bottom - outer.bottom;
  if (inner.top < outer.top) list.scrollTop -= outer.top - inner.top;
}

function isSeen(list, row) {
  const [outer, inner] = [list.getBoundingClientRect(), row.getBoundingClientRect()];
  return inner.top < outer.bottom && inner.bottom > outer.top;
}

/** speak(sentence): read out what is new, but no more often than it can be listened to. */
function openVoice(region) {
  let waiting = [];
  let timer = null;
  const say = () => {
    region.textContent = waiting.join(" · ");
    timer = waiting.length ? setTimeout(say, SPEAK_MS) : null;
    waiting = [];
  };
  return (sentence) => {
    waiting = [...waiting.slice(-2), sentence];
    if (!timer) say();
  };
}

function restore() {
  try {
    const { name, entries } = JSON.parse(sessionStorage.getItem(KEY)) ?? {};
    return { name: name ?? null, entries: entries ?? [] };
  } catch {
    return { name: null, entries: [] };
  }
}

const fileName = (name, ending) => `${(name ?? "live").replace(/\.\w+$/, "")}.${ending}`;

function ask(count, name) {
  const dialog = element("live-dialog");
  element("live-dialog-text").textContent = t("live.continue.text", { count: formatNumber(count), name });
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue), { once: true });
  });
}
