/** Where the camera must stand so that all levels of a venue are in view, lifted apart or not. */

// Not that of deck.gl, which is the same with 60 kB around it: the camera stands before the overlay is fetched.
import { WebMercatorViewport } from "@math.gl/web-mercator";
import { METRES_PER_DEGREE, zoomOfPixel } from "./ground";
import type { Lonlat, Point3 } from "./stack";

export interface Room {
  width: number;
  height: number;
  padding: { top: number; right: number; bottom: number; left: number };
}

export interface Stand {
  center: Lonlat;
  zoom: number;
  pitch: number;
  bearing: number;
}

const ROUNDS = 100;
/** From so far away nothing of the stack stands behind the camera, and no step is large enough for it to come there. */
const START_ZOOM = 12;
const STEP = 0.3;
/** A lifted level moves and grows more on the screen than the ground below it: whole steps would swing about the end. */
const EASE = 0.4;

/**
 * Fits points in space into a room of pixels at a given tilt and turn. A camera that looks at the ground sees a lifted
 * level higher on the screen: the middle of what is seen is moved into the middle of the room, the zoom follows its size,
 * a few times until both hold.
 */
export function fitPoints(points: readonly Point3[], room: Room, pitch: number, bearing: number): Stand {
  const { padding } = room;
  const [width, height] = [
    Math.max(40, room.width - padding.left - padding.right),
    Math.max(40, room.height - padding.top - padding.bottom),
  ];
  const middle = { x: padding.left + width / 2, y: padding.top + height / 2 };
  const mean = (of: 0 | 1): number => points.reduce((sum, one) => sum + one[of], 0) / Math.max(1, points.length);
  let stand: Stand = { center: [mean(0), mean(1)], zoom: START_ZOOM, pitch, bearing };
  for (let round = 0; round < ROUNDS; round++) {
    const view = viewOf(stand, room);
    const seen = points.map((one) => view.project(one));
    const [xs, ys] = [seen.map((one) => one[0]!), seen.map((one) => one[1]!)];
    const box = { left: Math.min(...xs), right: Math.max(...xs), top: Math.min(...ys), bottom: Math.max(...ys) };
    const scale = Math.min(width / Math.max(1, box.right - box.left), height / Math.max(1, box.bottom - box.top));
    const shift = [(box.left + box.right) / 2 - middle.x, (box.top + box.bottom) / 2 - middle.y] as const;
    const to = view.unproject([room.width / 2 + shift[0] * EASE, room.height / 2 + shift[1] * EASE]) as Lonlat;
    stand = {
      ...stand,
      center: [to[0], to[1]],
      zoom: Math.min(19, Math.max(10, stand.zoom + Math.max(-STEP, Math.min(STEP, Math.log2(scale) * EASE)))),
    };
  }
  return stand;
}

export function viewOf(stand: Stand, room: Pick<Room, "width" | "height">): WebMercatorViewport {
  return new WebMercatorViewport({
    width: room.width,
    height: room.height,
    longitude: stand.center[0],
    latitude: stand.center[1],
    zoom: stand.zoom,
    pitch: stand.pitch,
    bearing: stand.bearing,
  });
}

/** Distance of the camera from the middle of the picture, in heights of the picture: that of MapLibre and deck.gl. */
const DISTANCE = 1.5;

/**
 * Looks straight at a point above the ground, so near that a pixel there is `pixelM` metres. The camera looks on through
 * the point to the ground: its middle lies behind the point by z * tan(pitch), farther away by z / cos(pitch).
 */
export function lookAt([lon, lat, z]: Point3, pixelM: number, height: number, pitch: number, bearing: number): Stand {
  const [tilt, turn] = [(pitch * Math.PI) / 180, (bearing * Math.PI) / 180];
  const cosLat = Math.cos((lat * Math.PI) / 180);
  const behind = z * Math.tan(tilt);
  const center: Lonlat = [
    lon + (behind * Math.sin(turn)) / (METRES_PER_DEGREE * cosLat),
    lat + (behind * Math.cos(turn)) / METRES_PER_DEGREE,
  ];
  const groundM = pixelM + z / Math.cos(tilt) / (DISTANCE * height);
  return { center, zoom: Math.min(20, zoomOfPixel(lat, groundM)), pitch, bearing };
}
