/** Invented things of the invented station for `npm run mock`: what would be sensed there, and how it moves. */

import type { Thing, ThingMove, ThingReply, ThingValue } from "../src/api/panorama";
import type { Source } from "../src/api/types";
import { middleOf, mockVenue } from "./venue.ts";

type Values = Record<string, ThingValue>;

const UNITS = mockVenue.features.filter((one) => one.kind === "unit");
const COUNTED = UNITS.filter((one) => !["road", "parking"].includes(one.category) && one.code !== "M-P4");
const CAMERAS = mockVenue.features.filter((one) => one.category === "camera");
const [LON = 0, LAT = 0] = mockVenue.centre;
const STEPS = [0.82, 1.08, 1.54, 3.57, 5.26];
const SENSED = ["metro", "taxi", "bus", "ride_hailing", "garages", "staff", "video", "weather", "counters"];

const lateness = (name: string): number => (name === "taxi" ? 9 : 0);

function thing(id: string, kind: string, source: string, atMs: number, values: Values, place = ""): Thing {
  const at = place === "" ? null : middleOf(place);
  return {
    id,
    kind,
    at_ms: atMs - lateness(source) * 60_000,
    source,
    place,
    lon: at?.lon ?? null,
    lat: at?.lat ?? null,
    level: at?.level ?? "",
    values,
    synthetic: true,
  };
}

function zone(index: number, atMs: number): Thing {
  const unit = COUNTED[index]!;
  const area = (unit.persons ?? 1) * 2;
  const wave = (1 + Math.sin(atMs / 90_000 + index * 1.7)) / 2;
  const density = unit.code === "N1" ? 5.6 : wave * [0.5, 0.9, 1.4, 2.6, 4][index % 5]!;
  return thing(
    `zone:${unit.code}`,
    "zone",
    "counters",
    atMs,
    {
      people: Math.round(density * area),
      density_per_m2: Math.round(density * 100) / 100,
      los: "ABCDEF"[STEPS.filter((one) => density > one).length]!,
    },
    unit.code,
  );
}

function vehicle(index: number, atMs: number): Thing {
  const mode = ["bus", "taxi", "ride_hailing"][index % 3]!;
  const turn = atMs / 40_000 + index * 0.7;
  const one = thing(`vehicle:${mode}:${index}`, "vehicle", mode, atMs, {
    mode,
    line: mode === "bus" ? `K${28 + index}` : "",
    bearing: Math.round(((turn + Math.PI / 2) * 180) / Math.PI) % 360,
    speed_mps: 6,
    occupancy: index % 4,
  });
  const far = 0.0032 + (index % 7) * 0.0009;
  return { ...one, lon: LON + Math.cos(-turn) * far * 1.15, lat: LAT + Math.sin(-turn) * far };
}

function supplies(atMs: number): Thing[] {
  const of = (id: string, place: string, source: string, values: Values): Thing =>
    thing(`supply:${id}`, "supply", source, atMs, values, place);
  return [
    of("metro:1", "M-P1", "metro", { mode: "metro", line: "1", next_min: 2, headway_s: 180, last_min: null }),
    of("metro:4", "M-P4", "metro", { mode: "metro", line: "4", next_min: 4, headway_s: 240, last_min: null }),
    of("bus:28", "BUS", "bus", { mode: "bus", line: "28", vehicles: 3, next_min: 6 }),
    of("ride_hailing", "GARAGE-P1", "ride_hailing", { mode: "ride_hailing", vehicles: 34, spaces: 60 }),
    of("taxi", "TAXI-N1", "taxi", { mode: "taxi", vehicles: 48, spaces: 48 }),
    ...[2, 3, 4, 5, 6].map((nr) =>
      of(`garage:P${nr}`, `GARAGE-P${nr}`, "garages", { mode: "garage", spaces: 900, vehicles: 300 + nr * 90 }),
    ),
  ];
}

export function mockThings(atMs: number): Thing[] {
  const all = COUNTED.map((_, index) => zone(index, atMs));
  for (let index = 0; index < 60; index++) all.push(vehicle(index, atMs));
  for (const code of ["TAXI-N1", "TAXI-S2"])
    all.push(
      thing(`queue:${code}`, "queue", "taxi", atMs, { mode: "taxi", waiting: 64, wait_s: 540, vehicles: 11 }, code),
    );
  all.push(thing("queue:HALL-W", "queue", "counters", atMs, { mode: "check", waiting: 210, wait_s: 300 }, "HALL-W"));
  all.push(...supplies(atMs));
  ["T01", "T02", "T03"].forEach((team, index) =>
    all.push(
      thing(
        `staff:${team}`,
        "staff",
        "staff",
        atMs,
        { team, state: index ? "free" : "busy" },
        ["N1", "HALL-E", "S2"][index],
      ),
    ),
  );
  CAMERAS.forEach((camera, index) =>
    all.push(
      thing(
        `camera:${camera.code}`,
        "camera",
        "video",
        atMs,
        { state: index % 13 === 4 ? "faulty" : "working", covers: COUNTED[index % COUNTED.length]!.code },
        camera.code,
      ),
    ),
  );
  all.push(
    thing("weather:58457", "weather", "weather", atMs, { temperature_c: 21.4, wind_mps: 3.1, rain_1h_mm: 0.2 }),
    thing("warning:w1", "warning", "weather", atMs, {
      event: "wind",
      colour: "blue",
      severity: "Minor",
      headline: "大风蓝色预警（虚构）",
      expires_min: Math.floor(atMs / 60_000) + 240,
    }),
  );
  return all;
}

/** What moved since: vehicles as moves, zones whole. */
export function mockMoves(atMs: number): (Thing | ThingMove)[] {
  const moved: (Thing | ThingMove)[] = COUNTED.map((_, index) => zone(index, atMs));
  for (let index = 0; index < 60; index++) {
    const one = vehicle(index, atMs);
    if (one.source !== "taxi") moved.push([one.id, one.at_ms, one.lon, one.lat, one.values]);
  }
  return moved;
}

export function mockThing(id: string, atMs: number): ThingReply | null {
  const one = mockThings(atMs).find((each) => each.id === id);
  if (!one) return null;
  const history: ThingReply["history"] = Array.from({ length: 60 }, (_, index) => {
    const then = atMs - (59 - index) * 60_000;
    return [then, mockThings(then).find((each) => each.id === id)!.values] as const;
  });
  return { thing: one, source: mockSources(atMs).find((each) => each.name === one.source) ?? null, history };
}

export function mockSources(atMs: number): Source[] {
  const now = Math.floor(atMs / 60_000);
  return SENSED.map((name) => ({
    name,
    title: { zh: `${name}（虚构）`, en: `${name} (invented)` },
    cadence_s: 60,
    last_read_min: now - lateness(name),
    last_row_min: now - lateness(name),
    rows: 100,
    state: lateness(name) ? "late" : "live",
    error_key: null,
    error: null,
    until_min: null,
    contact: null,
    datasets: [],
    decisions: [],
  }));
}
