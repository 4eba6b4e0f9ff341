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
