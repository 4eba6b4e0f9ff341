/** The nine colours of records as the pages count them: 1 is the worst, 8 and 9 are clean. */

export const COLOURS = [1, 2, 3, 4, 5, 6, 7, 8, 9] as const;
export type Colour = (typeof COLOURS)[number];
const CLEAN_FROM = 8;

export interface Slice {
  colour: Colour;
  rows: number;
  /** Part of the whole, 0 to 1. */
  part: number;
}

/** Slices of a bar from the worst to the best; `counts` goes by the number of the colour. Colours without rows are left out. */
export function slices(counts: Readonly<Record<string, number>>): Slice[] {
  const all = COLOURS.map((colour) => ({ colour, rows: Math.max(0, counts[colour] ?? 0) }));
  const total = all.reduce((sum, one) => sum + one.rows, 0);
  return all.filter((one) => one.rows > 0).map((one) => ({ ...one, part: one.rows / total }));
}

export const totalOf = (parts: readonly Slice[]): number => parts.reduce((sum, one) => sum + one.rows, 0);

/** The worst colour there is, none where every row is clean. */
export function worstOf(parts: readonly Slice[]): Slice | null {
  const first = parts[0];
  return first && first.colour < CLEAN_FROM ? first : null;
}

/** Part of the rows that are clean, 0 to 1; null where there is no row. */
export function cleanPart(parts: readonly Slice[]): number | null {
  if (parts.length === 0) return null;
  return parts.filter((one) => one.colour >= CLEAN_FROM).reduce((sum, one) => sum + one.part, 0);
}

/** 98.2 %, and never 100 % or 0 % unless it is exactly that. */
export function percent(part: number): string {
  if (part === 0 || part === 1) return `${part * 100} %`;
  const shown = Math.min(99.9, Math.max(0.1, part * 100));
  return `${shown.toFixed(1)} %`;
}

/** Orders by the worst colour, then by how many rows have it; what has no colour yet stands last. */
export function byWorst<T>(list: readonly T[], counts: (one: T) => Readonly<Record<string, number>>): T[] {
  const rank = (one: T): [number, number] => {
    const parts = slices(counts(one));
    const worst = worstOf(parts);
    return [worst?.colour ?? (parts.length > 0 ? 10 : 11), -(worst?.rows ?? 0)];
  };
  return [...list].sort((a, b) => {
    const [x, y] = [rank(a), rank(b)];
    return x[0] - y[0] || x[1] - y[1];
  });
}
