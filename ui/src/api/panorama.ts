/** The records of the panorama: the venue, what is sensed in it, and a way through it. */

import type { Names, Source } from "./types";

export type ThingValue = number | string | boolean | null;

/** What was sensed about a place or a moving object, newest state. `at_ms`: hub clock, epoch milliseconds. */
export interface Thing {
  id: string;
  kind: string;
  at_ms: number;
  source: string;
  /** Code of a unit, opening or fixture; empty where only a point is known. */
  place: string;
  lon: number | null;
  lat: number | null;
  level: string;
  values: Readonly<Record<string, ThingValue>>;
  synthetic: boolean;
}

/** A thing of which only the place changed: id, moment, longitude, latitude, and the values that changed with it. */
export type ThingMove = readonly [string, number, number | null, number | null, Readonly<Record<string, ThingValue>>?];

export interface ThingReply {
  thing: Thing;
  source: Source | null;
  /** Newest last. */
  history: readonly (readonly [number, Readonly<Record<string, ThingValue>>])[];
}

export interface Level {
  level_id: string;
  code: string;
  ordinal: number;
  name: Names;
  short_name: Names;
  elevation_m: number;
  height_m: number;
  outdoor: boolean;
}

export interface Feature {
  feature_id: string;
  code: string;
  kind: "unit" | "opening" | "fixture" | "amenity" | "kiosk" | "footprint" | "section" | "link";
  category: string;
  level_id: string | null;
  name: Names | null;
  geometry: GeoJSON.Geometry;
  persons: number | null;
  persons_per_min: number | null;
  basis: "published" | "inferred" | "";
  source: string;
}

export interface VenueReply {
  venue_id: string;
  name: Names;
  note: Names;
  schematic: boolean;
  centre: [number, number];
  levels: Level[];
  features: Feature[];
}

export interface WayLeg {
  level_id: string;
  by: "walk" | "stairs" | "escalator" | "elevator" | "ramp";
  seconds: number;
  length_m: number;
  path: [number, number][];
  to_code: string;
  to_name: Names | null;
}

export interface WayReply {
  seconds: number;
  length_m: number;
  step_free: boolean;
  legs: WayLeg[];
}
