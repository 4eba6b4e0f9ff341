/** Which decisions must not be made by this page while sources are lost: each source names those that rest on it. */

import type { Source } from "../api/types";

/** Their names, each once. What was recorded before sources named any names none. */
export function decisionsLost(sources: Iterable<Pick<Source, "decisions">>): string[] {
  return [...new Set([...sources].flatMap((one) => one.decisions ?? []))];
}
