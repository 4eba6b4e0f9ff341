/** The records of the panorama: the venue, what is sensed in it, and a way through it. */

import type { components } from "./schema";
import type { Names, Source } from "./types";

type Schemas = components["schemas"];

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

export type Level = Schemas["LevelView"];
export type Feature = Omit<Schemas["VenueFeature"], "geometry"> & { geometry: GeoJSON.Geometry };
export type VenueReply = Omit<Schemas["VenueReply"], "features"> & { features: Feature[] };

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
