/** Sources as pages count and order them: what needs a person first. */

import type { Source } from "../api/types";

const ORDER: Record<Source["state"], number> = { failed: 0, late: 1, maintenance: 2, live: 3, off: 4 };

export function rankSources(sources: Iterable<Source>): Source[] {
  return [...sources].sort((a, b) => ORDER[a.state] - ORDER[b.state] || (a.name < b.name ? -1 : 1));
}

/** Sources that are on and do not tell what they should. */
export function countLate(sources: Iterable<Source>): number {
  return [...sources].filter((one) => one.state === "late" || one.state === "failed").length;
}
