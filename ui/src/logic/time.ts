/** Times of the page. Instants are epoch minutes or epoch milliseconds; what is shown is in the zone of the hub. */

const formats = new Map<string, Intl.DateTimeFormat>();

function format(zone: string, key: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const name = `${zone}|${key}`;
  let found = formats.get(name);
  if (!found) {
    found = new Intl.DateTimeFormat("en-GB", { timeZone: zone, hourCycle: "h23", ...options });
    formats.set(name, found);
  }
  return found;
}

/** 09:05, or `24:00`-free equivalents of any zone. */
export function clockTime(ms: number, zone: string): string {
  return format(zone, "hm", { hour: "2-digit", minute: "2-digit" }).format(ms);
}

/** 09:05:07, where seconds matter. */
export function clockSeconds(ms: number, zone: string): string {
  return format(zone, "hms", { hour: "2-digit", minute: "2-digit", second: "2-digit" }).format(ms);
}

/** 2022-10-20 in the zone of the hub. */
export function hubDate(ms: number, zone: string): string {
  return new Intl.DateTimeFormat("sv-SE", { timeZone: zone, year: "numeric", month: "2-digit", day: "2-digit" }).format(
    ms,
  );
}

/** 10-20 09:05 if the day differs from `nowMs`, else 09:05. */
export function clockNear(ms: number, nowMs: number, zone: string): string {
  const day = hubDate(ms, zone);
  return day === hubDate(nowMs, zone) ? clockTime(ms, zone) : `${day.slice(5)} ${clockTime(ms, zone)}`;
}

/** Minutes since midnight at the hub, 0 to 1439. */
export function minuteOfDay(ms: number, zone: string): number {
  const [hours = "0", minutes = "0"] = clockTime(ms, zone).split(":");
  return Number(hours) * 60 + Number(minutes);
}

export const minuteMs = (minute: number): number => minute * 60_000;

/** Reads what the server may call a moment: epoch minutes, seconds, milliseconds or ISO 8601. */
export function readMoment(value: number | string): number {
  if (typeof value === "string") return Date.parse(value);
  if (value < 1e8) return value * 60_000;
  return value < 1e11 ? value * 1000 : value;
}
