/** The parts of the library, and what a person must be allowed for each of them. */

export const SECTIONS = [
  { name: "home", needs: ["catalogue.read"] },
  { name: "basket", needs: ["basket.apply"] },
  { name: "emergency", needs: ["share.emergency"] },
  { name: "mine", needs: ["library.query"] },
  { name: "authority", needs: ["basket.authorise", "basket.agree", "share.review"] },
  { name: "owner", needs: ["template.sign"] },
  { name: "quality", needs: ["quality.read"] },
  { name: "loads", needs: ["library.load"] },
  { name: "street", needs: ["addition.send", "addition.answer"] },
] as const;
export type Section = (typeof SECTIONS)[number]["name"];

export const pathOf = (section: Section): string => (section === "home" ? "/library" : `/library/${section}`);

export function sectionsFor(may: (action: string) => boolean): Section[] {
  return SECTIONS.filter((one) => one.needs.some(may)).map((one) => one.name);
}

/** The page that an address means; a dataset belongs to the catalogue. None for what the person may not open. */
export function shownOf(
  section: string | undefined,
  id: string | undefined,
  may: (action: string) => boolean,
): Section | "dataset" | null {
  const found = SECTIONS.find(
    (one) => one.name === (section || "home") || (section === "datasets" && one.name === "home"),
  );
  if (!found || !found.needs.some(may)) return null;
  return section === "datasets" && id ? "dataset" : found.name;
}
