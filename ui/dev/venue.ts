/** An invented station for `npm run mock`: six levels of boxes. It stands for no real building. */

import type { Feature, Level, VenueReply, WayReply } from "../src/api/panorama";

const CENTRE: [number, number] = [120.2128, 30.2905];
const LON_M = 1 / (111_320 * Math.cos((CENTRE[1] * Math.PI) / 180));
const LAT_M = 1 / 110_574;
const at = (x: number, y: number): [number, number] => [CENTRE[0] + x * LON_M, CENTRE[1] + y * LAT_M];

const level = (code: string, ordinal: number, zh: string, en: string, outdoor = false): Level => ({
  level_id: `mock-${code}`,
  code,
  ordinal,
  name: { zh, en },
  short_name: { zh: code, en: code },
  elevation_m: ordinal * 9,
  height_m: 7,
  outdoor,
});

const LEVELS = [
  level("L2", 1, "出发层", "departure level"),
  level("L1", 0, "站台层", "platform level"),
  level("G", 0, "广场与道路", "squares and roads", true),
  level("B1", -1, "到达层", "arrival level"),
  level("B2", -2, "地铁站厅层", "metro hall"),
  level("B3", -3, "地铁站台层", "metro platforms"),
];

type Box = [x: number, y: number, width: number, height: number];

function box([x, y, width, height]: Box): GeoJSON.Polygon {
  return {
    type: "Polygon",
    coordinates: [[at(x, y), at(x + width, y), at(x + width, y + height), at(x, y + height), at(x, y)]],
  };
}

const features: Feature[] = [];

function add(code: string, on: string, category: string, zh: string, en: string, shape: Box, some = {}): void {
  features.push({
    feature_id: `mock-unit-${code}`,
    code,
    kind: "unit",
    category,
    level_id: `mock-${on}`,
    name: { zh, en },
    geometry: box(shape),
    persons: Math.round((shape[2] * shape[3]) / 2),
    persons_per_min: null,
    basis: "inferred",
    source: "invented",
    ...some,
  });
}

function point(kind: Feature["kind"], code: string, on: string, category: string, x: number, y: number): void {
  features.push({
    feature_id: `mock-${kind}-${code}`,
    code,
    kind,
    category,
    level_id: `mock-${on}`,
    name: null,
    geometry: { type: "Point", coordinates: at(x, y) },
    persons: null,
    persons_per_min: null,
    basis: "inferred",
    source: "invented",
  });
}

add("HALL-W", "L2", "waitingroom", "候车大厅西区", "waiting hall west", [-150, -70, 150, 140]);
add("HALL-E", "L2", "waitingroom", "候车大厅东区", "waiting hall east", [0, -70, 150, 140]);
["N", "S"].forEach((side, row) =>
  add(`DROP-${side}`, "L2", "road", `${row ? "南" : "北"}落客平台`, `drop-off ${row ? "south" : "north"}`, [
    -150,
    row ? -100 : 72,
    300,
    26,
  ]),
);
for (let index = 0; index < 15; index++)
  add(`P-${index + 1}`, "L1", "platform", `${index + 1} 站台`, `platform ${index + 1}`, [
    -178 + index * 24,
    -210,
    13,
    420,
  ]);
add("ARR", "B1", "walkway", "到达通道", "arrival passage", [-150, -18, 300, 36]);
["N", "S"].forEach((side, row) => {
  const [zh, en, y] = row ? ["南", "South", -84] : ["北", "North", 20];
  for (let index = 0; index < 3; index++)
    add(`${side}${index + 1}`, "B1", "lobby", `${zh}${"一二三"[index]}出口`, `Exit ${en} ${index + 1}`, [
      -150 + index * 104,
      Number(y),
      92,
      62,
    ]);
  for (let lane = 0; lane < 3; lane++)
    add(`TAXI-${side}${lane + 1}`, "B1", "road", `出租车${zh}${lane + 1}车道`, `taxi lane ${en} ${lane + 1}`, [
      -150 + lane * 104,
      row ? -112 : 86,
      92,
      22,
    ]);
});
for (let index = 0; index < 6; index++)
  add(`GARAGE-P${index + 1}`, "B1", "parking", `P${index + 1} 停车场`, `garage P${index + 1}`, [
    index < 3 ? -290 : 165,
    -110 + (index % 3) * 76,
    124,
    66,
  ]);
add("M-HALL-W", "B2", "lobby", "地铁站厅西", "metro hall west", [-100, -28, 98, 56]);
add("M-HALL-E", "B2", "lobby", "地铁站厅东", "metro hall east", [2, -28, 98, 56]);
add("M-P1", "B3", "platform", "地铁 1 号线站台", "metro line 1 platform", [-90, -12, 180, 10]);
add("M-P4", "B3", "platform", "地铁 4 号线站台", "metro line 4 platform", [-90, 4, 180, 10]);
add("SQ-N", "G", "walkway", "北广场", "north square", [-150, 235, 300, 90]);
add("SQ-S", "G", "walkway", "南广场", "south square", [-150, -325, 300, 90]);
add("BUS", "G", "road", "公交站", "bus station", [175, -325, 110, 80]);
add("COACH", "G", "road", "长途客运站", "coach station", [175, 240, 110, 80]);

for (let index = 0; index < 40; index++)
  point(
    "fixture",
    `CAM-${String(index + 1).padStart(2, "0")}`,
    ["L2", "B1", "B2", "B3", "L1"][index % 5]!,
    "camera",
    -140 + ((index * 37) % 280),
    -60 + ((index * 53) % 120),
  );
for (const [index, on] of ["B1", "L2", "B2"].entries()) {
  point("amenity", `LIFT-${index + 1}`, on, "elevator", -8 + index * 9, 4);
  point("amenity", `WC-${index + 1}`, on, "restroom", 60, -12 + index * 10);
}

export const mockVenue: VenueReply = {
  venue_id: "mock",
  name: { zh: "演示枢纽", en: "Mock hub" },
  note: { zh: "虚构的示意图，不代表任何车站。", en: "An invented scheme. It stands for no station." },
  schematic: true,
  centre: CENTRE,
  levels: LEVELS,
  features,
  surroundings: [],
};

export function middleOf(code: string): { lon: number; lat: number; level: string } | null {
  const one = features.find((each) => each.code === code);
  if (!one) return null;
  const ring =
    one.geometry.type === "Polygon"
      ? (one.geometry.coordinates[0] as [number, number][]).slice(0, 4)
      : [(one.geometry as GeoJSON.Point).coordinates as [number, number]];
  return {
    lon: ring.reduce((sum, each) => sum + each[0], 0) / ring.length,
    lat: ring.reduce((sum, each) => sum + each[1], 0) / ring.length,
    level: LEVELS.find((each) => each.level_id === one.level_id)?.code ?? "",
  };
}

/** Straight from here to there, over a lift or an escalator where the level changes. */
export function mockWay(from: string, to: string, stepFree: boolean): WayReply | null {
  const [a, b] = [middleOf(from), middleOf(to)];
  if (!a || !b) return null;
  const name = features.find((one) => one.code === to)?.name ?? null;
  const lift = at(stepFree ? -8 : 20, 4);
  const metres = (p: [number, number], q: [number, number]): number =>
    Math.hypot((p[0] - q[0]) / LON_M, (p[1] - q[1]) / LAT_M);
  const leg = (code: string, path: [number, number][], by: WayReply["legs"][number]["by"] = "walk") => ({
    level_id: `mock-${code}`,
    by,
    length_m: metres(path[0]!, path.at(-1)!),
    seconds: by === "walk" ? metres(path[0]!, path.at(-1)!) / 1.34 : 40,
    path,
    to_code: to,
    to_name: name,
  });
  const legs =
    a.level === b.level
      ? [
          leg(a.level, [
            [a.lon, a.lat],
            [b.lon, b.lat],
          ]),
        ]
      : [
          leg(a.level, [[a.lon, a.lat], lift]),
          leg(b.level, [lift, lift], stepFree ? "elevator" : "escalator"),
          leg(b.level, [lift, [b.lon, b.lat]]),
        ];
  const sum = (of: "seconds" | "length_m"): number => legs.reduce((total, one) => total + one[of], 0);
  return { seconds: sum("seconds"), length_m: sum("length_m"), step_free: stepFree, legs };
}
