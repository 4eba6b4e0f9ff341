/** How the catalogue is asked, and how its colours are counted. */

const NAMES = ["black", "red", "orange", "yellow", "brown", "purple", "grey", "blue", "green"] as const;

/** The address of a search; what is not narrowed is left out. */
export function searchPath(asked: Readonly<Record<string, string>>): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(asked)) if (value.trim() !== "") query.set(name, value.trim());
  const text = query.toString();
  return `/library/datasets${text === "" ? "" : `?${text}`}`;
}

/** Rows by the number of their colour, from rows by its name; null, or a name that is none, counts nothing. */
export function numbered(counts: Readonly<Record<string, number>> | null | undefined): Record<string, number> {
  const found: Record<string, number> = {};
  for (const [name, rows] of Object.entries(counts ?? {})) {
    const place = NAMES.indexOf(name.toLowerCase() as (typeof NAMES)[number]);
    if (place >= 0) found[place + 1] = rows;
  }
  return found;
}

/** The number of a colour by its name, 1 to 9; 0 for a name that is none. */
export const colourNumber = (name: string): number => NAMES.indexOf(name.toLowerCase() as (typeof NAMES)[number]) + 1;

/** Rows by colour from a list of counts, as `numbered` gives them. */
export const tallied = (counts: readonly { colour: string; records: number }[]): Record<string, number> =>
  numbered(Object.fromEntries(counts.map((one) => [one.colour, one.records])));

export interface Run {
  at_min: number;
  good: number;
  bad: number;
}

/** Successes and failures run by run, of one rule or of all together, the oldest first. */
export function runsOf(
  trend: readonly { ended_min: number; rule: string; passed: number; failed: number }[],
  rule: string,
): Run[] {
  const found = new Map<number, Run>();
  for (const one of trend) {
    if (rule !== "" && one.rule !== rule) continue;
    const run = found.get(one.ended_min) ?? { at_min: one.ended_min, good: 0, bad: 0 };
    found.set(one.ended_min, { ...run, good: run.good + one.passed, bad: run.bad + one.failed });
  }
  return [...found.values()].sort((a, b) => a.at_min - b.at_min);
}
