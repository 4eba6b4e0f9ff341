/** A thing in words: what it is called, its figure first, and everything that is known of it. */

import type { Thing, ThingValue } from "../../api/panorama";
import { useWords } from "../../i18n/use";
import { lang } from "../../state/prefs";
import { placeName } from "../../state/place";

/** The value that stands for a thing of a kind: what its trend shows. */
export const MAIN: Record<string, readonly string[]> = {
  zone: ["people", "density_per_m2"],
  queue: ["waiting", "wait_s"],
  supply: ["vehicles", "next_min", "spaces"],
  vehicle: ["speed_mps", "delay_s"],
  weather: ["wind_mps", "temperature_c", "rain_1h_mm"],
};

const SECONDS = /_s$/;
const MINUTES = new Set(["next_min"]);
const MOMENTS = new Set(["last_min", "expires_min"]);
/** Values that are names of a vocabulary. */
const VOCABULARY = new Set(["mode", "state", "colour"]);
/** A place told as a code. */
const PLACES = new Set(["covers", "stop"]);

export function mainOf(kind: string, values: Thing["values"]): string | null {
  return (MAIN[kind] ?? []).find((name) => typeof values[name] === "number") ?? null;
}

export function useSaid() {
  const { t, te, word, count, near, span } = useWords();

  function valueOf(name: string, value: ThingValue): string {
    if (value === null || value === "") return t("common.no_data");
    if (VOCABULARY.has(name) || typeof value === "boolean") return word("sensed_value", String(value));
    if (PLACES.has(name)) return placeName(String(value));
    if (name === "text") return word("weather_text", String(value));
    if (typeof value !== "number") return value;
    if (MOMENTS.has(name)) return near(value);
    if (MINUTES.has(name)) return span(Math.round(value));
    if (SECONDS.test(name))
      return value < 90 ? t("pano.seconds", { s: Math.round(value) }) : span(Math.round(value / 60));
    return Number.isInteger(value) ? count(value) : String(Math.round(value * 100) / 100);
  }

  function titleOf(one: Thing): string {
    const mode = word("sensed_value", String(one.values["mode"]));
    const name = one.id.slice(one.id.indexOf(":") + 1);
    if (one.kind === "zone" || one.kind === "queue") return placeName(one.place || name);
    if (one.kind === "supply") return [mode, one.values["line"]].filter(Boolean).join(" ");
    if (one.kind === "vehicle") return `${mode} ${String(one.values["line"] || name.replace(/^.*:/, ""))}`;
    if (one.kind === "warning") return String(inLanguage(one.values, "headline") ?? name);
    return `${word("thing_kind", one.kind)} ${name}`;
  }

  /** The figure that matters first, in one line; of what is not live the page says so elsewhere. */
  function headOf(one: Thing): string {
    const main = mainOf(one.kind, one.values);
    const parts = main === null ? [] : [`${labelOf(main)} ${valueOf(main, one.values[main]!)}`];
    if (one.values["los"]) parts.push(`${labelOf("los")} ${String(one.values["los"])}`);
    if (main === null && one.values["state"]) parts.push(valueOf("state", one.values["state"]));
    return parts.join(" · ");
  }

  const labelOf = (name: string): string => (te(`sensed.${name}`) ? t(`sensed.${name}`) : name);

  /** A text in the language of the page where its source told it in both: `headline` and `headline_en`. */
  const inLanguage = (values: Thing["values"], name: string): ThingValue =>
    (lang.value === "en" && values[`${name}_en`]) || (values[name] ?? null);

  const rowsOf = (one: Thing): { name: string; label: string; text: string }[] =>
    Object.keys(one.values)
      .filter((name) => !name.endsWith("_en"))
      .map((name) => ({ name, label: labelOf(name), text: valueOf(name, inLanguage(one.values, name)) }));

  return { titleOf, headOf, rowsOf, labelOf, valueOf, placeName };
}
