/** The records of the panorama: the venue, what is sensed in it, and a way through it. They are generated into
 * schema.d.ts; where the document says less than we know (GeoJSON, a path of places) it is said here. */

import type { components } from "./schema";

type Schemas = components["schemas"];

/** What was sensed about a place or a moving object, newest state. `at_ms`: hub clock, epoch milliseconds. */
export type Thing = Schemas["ThingView"];
export type ThingValue = Thing["values"][string];

/** A thing of which only the place changed: id, moment, longitude, latitude, and the values that changed with it. */
export type ThingMove = readonly [string, number, number | null, number | null, Readonly<Thing["values"]>?];

export type ThingReply = Schemas["ThingReply"];

export type Level = Schemas["LevelView"];
export type Feature = Omit<Schemas["VenueFeature"], "geometry"> & { geometry: GeoJSON.Geometry };
export type Surrounding = Schemas["SurroundingView"];
export type VenueReply = Omit<Schemas["VenueReply"], "features"> & { features: Feature[] };

export type WayLeg = Omit<Schemas["LegView"], "path"> & { path: [number, number][] };
export type WayReply = Omit<Schemas["WayReply"], "legs"> & { legs: WayLeg[] };
