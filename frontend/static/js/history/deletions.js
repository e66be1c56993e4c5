// Deletion with a way back: what is deleted is hidden at once, and goes when the seconds are over or the
// page is left. What the service refuses to delete comes back.
import { send } from "../shared/api.js";
import { t } from "../shared/i18n.js";
import { notify } from "../shared/notices.js";

const SECONDS = 8;
const MOST_IDS = 100; // that the service takes at once

/** changed() hears when something is hidden or comes back, carriedOut(deletion) when it is gone. */
export function createDeletions({ changed, carriedOut }) {
  const pending = new Set();

  /** deletion: { covers(record), query(), sentence(), takenBack(), isSweeping } */
  function begin(deletion) {
    pending.add(deletion);
    announce(deletion);
    changed();
  }

  function announce(deletion) {
    const former = deletion.notice;
    const notice = notify(deletion.sentence(), {
      seconds: SECONDS,
      action: { label: t("shell.undo"), run: () => takeBack(deletion) },
      onClose: () => notice === deletion.notice && carryOut(deletion),
    });
    deletion.notice = notice;
    former?.close();
  }

  function takeBack(deletion) {
    pending.delete(deletion);
    changed();
    deletion.takenBack();
  }

  async function carryOut(deletion) {
    if (!pending.has(deletion)) return;
    deletion.isUnderWay = true;
    const problem = await send(`/history?${deletion.query()}`, { method: "DELETE", keepalive: true }).then(
      () => null,
      (refusal) => refusal,
    );
    pending.delete(deletion);
    if (problem) notify(t("history.not-deleted", { sentence: problem.sentence }), { bad: true });
    else carriedOut(deletion);
    changed();
  }

  const undoable = () => [...pending].filter((deletion) => !deletion.isUnderWay);
  addEventListener("pagehide", () => undoable().forEach((deletion) => deletion.notice.close()));

  return {
    begin,
    covers: (record) => [...pending].some((deletion) => deletion.covers(record)),
    isSweeping: () => [...pending].some((deletion) => deletion.isSweeping),

    /** One record; several within the seconds are taken back together. */
    add(record, title, takenBack) {
      const open = undoable().find((deletion) => deletion.ids && deletion.ids.size < MOST_IDS);
      if (!open) return begin(ofRecords(record, title, takenBack));
      open.ids.add(record.id);
      announce(open);
      changed();
    },

    /** Whether there was something to take back. */
    undo() {
      const last = undoable().at(-1);
      if (last) takeBack(last);
      last?.notice.close();
      return Boolean(last);
    },
  };
}

function ofRecords(first, title, takenBack) {
  const ids = new Set([first.id]);
  return {
    ids,
    covers: (record) => ids.has(record.id),
    query: () => new URLSearchParams({ ids: [...ids].join(",") }),
    sentence: () =>
      ids.size === 1 ? t("history.deleted", { title }) : t("history.deleted.many", { count: ids.size }),
    takenBack: () => takenBack(first.id),
  };
}
