/** Where nothing looks: zones that no working counter and no working camera covers. */

import type { Feature, Thing } from "../api/panorama";
import { isStale, type SourceStates } from "./fresh";

/** Units where nobody stays are no zones: what joins levels, and what is part of the building. */
const NOT_ZONES = new Set([
  ...["stairs", "escalator", "elevator", "ramp", "movingwalkway", "steps"],
  ...["structure", "column", "room.mechanical", "mechanicalroom", "void", "opentobelow", "nonpublic"],
]);

export const isZone = (one: Feature): boolean => one.kind === "unit" && !NOT_ZONES.has(one.category);

/**
 * The codes of zones about which nothing is known now. A zone is sensed if a live thing of kind `zone` or `queue` stands
 * for it, or a camera or device that works, of a live source, covers it.
 */
export function unsensed(
  features: readonly Feature[],
  things: Iterable<Thing>,
  sources: SourceStates,
  nowMs: number,
): Set<string> {
  const seen = new Set<string>();
  for (const thing of things) {
    if (isStale(thing, sources, nowMs)) continue;
    if ((thing.kind === "zone" || thing.kind === "queue") && thing.place) seen.add(thing.place);
    const covers = thing.values["covers"];
    if ((thing.kind === "camera" || thing.kind === "device") && thing.values["state"] === "working" && covers)
      seen.add(String(covers));
  }
  return new Set(features.filter((one) => isZone(one) && !seen.has(one.code)).map((one) => one.code));
}
