/** Words, numbers and times as this reader sees them: own language, zone of the hub. */

import { useI18n } from "vue-i18n";
import type { Names } from "../api/types";
import { countdown, spanParts } from "../logic/countdown";
import { clockNear, clockSeconds, clockTime, hubDate, minuteMs } from "../logic/time";
import { zone } from "../state/desk";
import { lang } from "../state/prefs";
import { countMs } from "../state/view";

export function useWords() {
  const { t, te } = useI18n();

  /** The text of `group.name`, or the bare name where nobody has written one yet. */
  const word = (group: string, name: string): string => (te(`${group}.${name}`) ? t(`${group}.${name}`) : name);
  const named = (names: Names): string => names[lang.value] || names.en || names.zh;
  const count = (value: number | null | undefined): string =>
    value === null || value === undefined ? t("common.no_data") : value.toLocaleString("en-US");

  const span = (minutes: number): string => {
    const { hours, rest } = spanParts(minutes);
    return hours > 0 ? t("time.h_min", { h: hours, min: String(rest).padStart(2, "0") }) : t("time.min", { min: rest });
  };
  const left = (deadlineMin: number | null | undefined): string => {
    const c = countdown(deadlineMin, countMs.value);
    if (c.minutes === null) return "";
    const size = span(c.hours * 60 + c.rest);
    return c.urgency === "late" ? t("time.late_by", { size }) : size;
  };

  const at = (minute: number): string => clockTime(minuteMs(minute), zone.value);
  const near = (minute: number): string => clockNear(minuteMs(minute), countMs.value, zone.value);
  const seconds = (ms: number): string => clockSeconds(ms, zone.value);
  const day = (minute: number): string => hubDate(minuteMs(minute), zone.value);

  return { t, te, word, named, count, span, left, at, near, seconds, day };
}

export { shortPid } from "../logic/about";
