/** Levels of service of a zone: their figures, and their colour from the tokens of the page. */

import type { Thing } from "../api/panorama";

export const LEVELS_OF_SERVICE = ["A", "B", "C", "D", "E", "F"] as const;
export type LevelOfService = (typeof LEVELS_OF_SERVICE)[number];
export const SCALES = ["queue", "walkway", "stairs"] as const;
export type Scale = (typeof SCALES)[number];

/**
 * Least room of a person, m² per person, at levels A to E; below the last it is F. J. J. Fruin, Pedestrian Planning and
 * Design (1971). The server grades by its own table (`rules/crowding.toml`); a test holds these figures of the legend
 * against it.
 */
export const ROOM_M2: Record<Scale, readonly number[]> = {
  queue: [1.21, 0.93, 0.65, 0.28, 0.19],
  walkway: [3.25, 2.32, 1.39, 0.93, 0.46],
  stairs: [1.86, 1.39, 0.93, 0.65, 0.37],
};

export function isLevelOfService(value: unknown): value is LevelOfService {
  return LEVELS_OF_SERVICE.includes(value as LevelOfService);
}

/** From where to where a level reaches, persons per m²; `to` is null for the last. */
export function rangeOf(level: LevelOfService, scale: Scale): { from: number; to: number | null } {
  const at = LEVELS_OF_SERVICE.indexOf(level);
  const ends = ROOM_M2[scale].map((room) => 1 / room);
  return { from: at === 0 ? 0 : ends[at - 1]!, to: ends[at] ?? null };
}

/** The grade that the server told, else none: a missing figure is no A. */
export function gradeOf(zone: Pick<Thing, "values">): (typeof LEVELS_OF_SERVICE)[number] | null {
  const { los } = zone.values;
  return isLevelOfService(los) ? los : null;
}
