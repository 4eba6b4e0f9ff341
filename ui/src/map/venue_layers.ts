/** The venue in space: a plate and extruded places per level, crowding on their tops, hatching where it must be told. */

import type { Layer, PickingInfo } from "@deck.gl/core";
import { LineLayer, PathLayer, SolidPolygonLayer } from "@deck.gl/layers";
import type { Thing } from "../api/panorama";
import { rgba, type Rgba } from "./colour";
import { gradeOf, LEVELS_OF_SERVICE } from "./crowd";
import { hatch, type Hatching } from "./hatch";
import type { Floor, Piece } from "./pieces";
import type { Point3 } from "./stack";
import type { Palette } from "./style";

/** 35 % opaque while all levels are shown; the chosen one solid, the others ghosts of themselves. */
const OPEN = 89;
const SOLID = 255;
const GHOST = 26;
/** Above a top, so that neither flickers through the other. */
const OVER_M = 0.4;

export interface VenueScene {
  floors: readonly Floor[];
  lifts: ReadonlyMap<string, number>;
  /** Code of the chosen level; null: all. */
  level: string | null;
  palette: Palette;
}

export interface VenueHandlers {
  hover: (info: PickingInfo) => void;
  unit: (code: string) => void;
}

const shown = (scene: VenueScene, floor: Floor, open: number, solid: number, ghost: number): number =>
  scene.level === null ? open : scene.level === floor.level.code ? solid : ghost;

/** A level itself. Levels are drawn from the lowest, each with what is told on it: what lies above lies over it. */
export function levelLayers(scene: VenueScene, floor: Floor, handlers: VenueHandlers): Layer[] {
  const z = scene.lifts.get(floor.level.level_id) ?? 0;
  const { code } = floor.level;
  const { palette } = scene;
  const ghost = scene.level !== null && scene.level !== code;
  const lifted = { modelMatrix: lift(z) };
  return [
    new SolidPolygonLayer({
      id: `plate-${code}`,
      data: floor.plate.length > 0 ? [floor.plate] : [],
      getPolygon: (one: Floor["plate"]) => one,
      getFillColor: rgba(palette.unit, shown(scene, floor, 110, 215, 18)),
      ...lifted,
    }),
    new SolidPolygonLayer<Piece>({
      id: `units-${code}`,
      data: floor.pieces as Piece[],
      getPolygon: (one) => one.rings,
      extruded: true,
      getElevation: (one) => one.wall,
      getFillColor: rgba(palette.unit, shown(scene, floor, OPEN, SOLID, GHOST)),
      material: { ambient: 0.72, diffuse: 0.36, shininess: 4 },
      pickable: !ghost,
      onHover: (info) => handlers.hover(info),
      onClick: (info) => info.object && handlers.unit((info.object as Piece).feature.code),
      ...lifted,
    }),
    new PathLayer<Piece>({
      id: `edges-${code}`,
      data: floor.pieces as Piece[],
      getPath: (one) => one.rings[0]!.map(([lon, lat]): Point3 => [lon, lat, one.wall]),
      getColor: rgba(palette.unitLine, shown(scene, floor, 150, 235, 40)),
      getWidth: 1,
      widthUnits: "pixels",
      ...lifted,
    }),
  ];
}

const lift = (z: number): Float32Array => new Float32Array([1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, z, 1]);

/** The outline of the chosen place, drawn above everything of its level. */
export function chosenLayer(scene: VenueScene, code: string | null): Layer[] {
  const pieces =
    code === null ? [] : scene.floors.flatMap((floor) => floor.pieces.filter((one) => one.feature.code === code));
  return [
    new PathLayer<Piece>({
      id: "chosen-unit",
      data: pieces,
      getPath: (one) =>
        one.rings[0]!.map((at): Point3 => [
          at[0],
          at[1],
          (scene.lifts.get(one.level.level_id) ?? 0) + one.wall + OVER_M * 2,
        ]),
      getColor: rgba(scene.palette.ink),
      getWidth: 3.5,
      widthUnits: "pixels",
      jointRounded: true,
      parameters: { depthCompare: "always" },
      updateTriggers: { getPath: scene.lifts },
    }),
  ];
}

export interface CrowdScene extends VenueScene {
  /** Newest state of each zone, by the code of its place. */
  zones: ReadonlyMap<string, Thing>;
  isStale: (thing: Thing) => boolean;
  /** Codes of places that nothing senses; null while that layer is off. */
  unsensed: ReadonlySet<string> | null;
  crowd: boolean;
}

interface Top {
  piece: Piece;
  colour: Rgba;
}
interface Line {
  from: Point3;
  to: Point3;
  colour: Rgba;
}

const FULL: Hatching = { gapM: 5, angle: 45 };
const OLD: Hatching = { gapM: 7, angle: -45 };
const CROSSED: readonly Hatching[] = [
  { gapM: 10, angle: 45 },
  { gapM: 10, angle: -45 },
];

/** Crowding by zone, what is not live, and what nobody senses. */
export function crowdLayers(scene: CrowdScene, floor: Floor): Layer[] {
  const { tops, lines } = crowdOf(scene, floor);
  const { code } = floor.level;
  return [
    new SolidPolygonLayer<Top>({
      id: `crowd-${code}`,
      data: tops,
      getPolygon: (one) =>
        one.piece.rings.map((ring) => ring.map((at): Point3 => [at[0], at[1], topOf(scene, one.piece)])),
      getFillColor: (one) => one.colour,
    }),
    new LineLayer<Line>({
      id: `hatching-${code}`,
      data: lines,
      getSourcePosition: (one) => one.from,
      getTargetPosition: (one) => one.to,
      getColor: (one) => one.colour,
      getWidth: 1.5,
      widthUnits: "pixels",
    }),
  ];
}

const topOf = (scene: VenueScene, piece: Piece): number =>
  (scene.lifts.get(piece.level.level_id) ?? 0) + piece.wall + OVER_M;

/** What a zone's top and lines are: computed apart from drawing, so that it can be looked at. */
export function crowdOf(scene: CrowdScene, floor: Floor): { tops: Top[]; lines: Line[] } {
  const tops: Top[] = [];
  const lines: Line[] = [];
  const alpha = shown(scene, floor, 225, 255, 22);
  for (const piece of floor.pieces) {
    const add = (how: Hatching, colour: Rgba): void => {
      const z = topOf(scene, piece) + OVER_M;
      for (const [a, b] of hatch(piece.rings, how)) lines.push({ from: [...a, z], to: [...b, z], colour });
    };
    const line = Math.min(220, alpha);
    if (scene.unsensed?.has(piece.feature.code))
      for (const how of CROSSED) add(how, rgba(scene.palette.stale, line * 0.7));
    const zone = scene.crowd ? scene.zones.get(piece.feature.code) : undefined;
    if (!zone) continue;
    if (scene.isStale(zone)) {
      tops.push({ piece, colour: rgba(scene.palette.stale, alpha * 0.25) });
      add(OLD, rgba(scene.palette.stale, line));
      continue;
    }
    const level = gradeOf(zone);
    if (level === null) continue;
    tops.push({ piece, colour: rgba(scene.palette.crowd[LEVELS_OF_SERVICE.indexOf(level)]!, alpha) });
    if (level === "F") add(FULL, rgba(scene.palette.halo, line));
  }
  return { tops, lines };
}
