// Days and times as the reader's own clock has them.
import { language, t } from "../shared/i18n.js";

const DAY_SECONDS = 86_400;
const UNITS = [["minute", 60], ["hour", 3600], ["day", DAY_SECONDS], ["month", 30 * DAY_SECONDS]];

const day = new Intl.DateTimeFormat(language, { dateStyle: "full" });
const clock = new Intl.DateTimeFormat(language, { timeStyle: "short" });
const distance = new Intl.RelativeTimeFormat(language, { numeric: "auto" });

export const formatDay = (date) => day.format(date);
export const formatClock = (date) => clock.format(date);

/** "Today", "Yesterday", or the day's date. */
export function nameDay(date, now = new Date()) {
  const yesterday = new Date(now);
  yesterday.setDate(now.getDate() - 1);
  if (date.toDateString() === now.toDateString()) return t("history.today");
  if (date.toDateString() === yesterday.toDateString()) return t("history.yesterday");
  return formatDay(date);
}

/** "5 minutes ago", with one number. */
export function formatAgo(date, now = new Date()) {
  const seconds = Math.max(0, (now - date) / 1000);
  const [unit, length] = UNITS.findLast((each) => seconds >= each[1]) ?? ["second", 1];
  return distance.format(-Math.floor(unit === "second" ? 0 : seconds / length), unit);
}
