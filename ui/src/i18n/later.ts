/** The texts of who may read what and of the partners: the first view of the map does not carry them. */

import { addTexts } from ".";

let asked: Promise<boolean> | null = null;

/** Gives a page when its texts are there too. */
export async function withTexts<Page>(page: () => Promise<Page>): Promise<Page> {
  asked ??= addTexts({ zh: () => import("./later_zh"), en: () => import("./later_en") });
  const [found, came] = await Promise.all([page(), asked]);
  if (!came) asked = null; // the next page asks again
  return found;
}
