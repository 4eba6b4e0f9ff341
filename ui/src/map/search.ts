/** Search of the map: everything that has a place or a name, ranked by how well it fits what was typed. */

import type { Feature, Level, Thing } from "../api/panorama";
import type { Case, Hub, Lang, Names, Task, Train } from "../api/types";
import type { ChosenType } from "../state/chosen";
import { isZone } from "./unsensed";

export interface Entry {
  type: ChosenType;
  id: string;
  /** What it is called in the language of the reader. */
  title: string;
  /** Where it is or what it is part of. */
  detail: string;
  /** Everything that it may be asked by, in lower case. */
  words: readonly string[];
}

export interface Searched {
  features: readonly Feature[];
  levels: ReadonlyMap<string, Level>;
  trains: readonly Train[];
  cases: readonly Case[];
  tasks: readonly Task[];
  teams: Hub["teams"];
  things: Iterable<Thing>;
}

const lower = (text: string): string => text.toLowerCase();
const both = (names: Names | null): string[] => (names ? [names.zh, names.en].filter(Boolean).map(lower) : []);
/** Kinds of things that a person knows by name; a vehicle among two thousand is found by its id only. */
const NAMED = new Set(["staff", "camera", "device", "vehicle"]);

/** Everything that can be found, in an order in which equals are shown. */
export function entriesOf(from: Searched, lang: Lang): Entry[] {
  const named = (names: Names | null, code: string): string => (names ? names[lang] || names.en || names.zh : code);
  const entries: Entry[] = [];
  for (const one of from.features) {
    if (!isZone(one) && one.kind !== "section" && !one.name) continue;
    if (one.kind === "footprint" || one.kind === "link") continue;
    const level = one.level_id === null ? undefined : from.levels.get(one.level_id);
    entries.push({
      type: "unit",
      id: one.code,
      title: named(one.name, one.code),
      detail: level ? named(level.name, level.code) : "",
      words: [lower(one.code), ...both(one.name)],
    });
  }
  for (const one of from.trains)
    entries.push({
      type: "train",
      id: one.subject,
      title: one.train,
      detail: one.calls.at(0)?.station ?? "",
      words: [lower(one.train), ...one.calls.map((call) => lower(call.station))].filter(Boolean),
    });
  for (const one of from.cases)
    entries.push({
      type: "case",
      id: one.case_id,
      title: one.pid.slice(0, 8),
      detail: one.train ?? "",
      words: [lower(one.pid), lower(one.case_id), lower(one.train ?? "")].filter(Boolean),
    });
  for (const one of from.teams)
    entries.push({
      type: "thing",
      id: `staff:${one.team_id}`,
      title: named(one.name, one.team_id),
      detail: one.post ?? "",
      words: [lower(one.team_id), ...both(one.name)],
    });
  const teams = new Set(from.teams.map((one) => `staff:${one.team_id}`));
  for (const one of from.things)
    if (NAMED.has(one.kind) && !teams.has(one.id))
      entries.push({
        type: "thing",
        id: one.id,
        title: one.id.slice(one.id.indexOf(":") + 1),
        detail: one.level,
        words: [lower(one.id)],
      });
  return entries;
}

/** How well a word fits: whole, from its beginning, from the beginning of a part of it, inside it; 0 if not at all. */
function fitOf(word: string, typed: string): number {
  if (word === typed) return 100;
  if (word.startsWith(typed)) return 80 - Math.min(20, word.length - typed.length);
  const at = word.indexOf(typed);
  if (at < 0) return 0;
  const before = word[at - 1]!;
  return (/[\s:_./-]/.test(before) ? 50 : 30) - Math.min(20, at);
}

const OF_TYPE: Partial<Record<ChosenType, number>> = { unit: 3, train: 2, case: 1 };

/** The best `most` entries for what was typed; every part of it must fit some word of an entry. */
export function search(entries: readonly Entry[], typed: string, most = 12): Entry[] {
  const parts = lower(typed).split(/\s+/).filter(Boolean);
  if (parts.length === 0) return [];
  const ranked: { entry: Entry; score: number }[] = [];
  for (const entry of entries) {
    let score = OF_TYPE[entry.type] ?? 0;
    const fits = parts.every((part) => {
      const best = entry.words.reduce((most, word) => Math.max(most, fitOf(word, part)), 0);
      score += best;
      return best > 0;
    });
    if (fits) ranked.push({ entry, score });
  }
  return ranked
    .sort(
      (a, b) =>
        b.score - a.score || a.entry.title.length - b.entry.title.length || (a.entry.title < b.entry.title ? -1 : 1),
    )
    .slice(0, most)
    .map((one) => one.entry);
}
