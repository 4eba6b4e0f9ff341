/** Signs on the plain canvas over the map: what the overlay will draw, before its code has come. */

import { magnify } from "../state/mapview";
import { ARROW, BADGE, BADGE_UP, FAINT, signOf, SPOTS, type Badges } from "./badges";
import { METRES_PER_DEGREE, metresOfPixel } from "./ground";
import { radiusOf, type Batch, type Cluster } from "./marks";
import type { Panorama } from "./painter";
import type { Signs, View } from "./signs";
import { FAMILY, type Palette } from "./style";

type Place = readonly [number, number, number];
type Spot = [number, number];
type Pen = CanvasRenderingContext2D;

/** As faint as the overlay draws what is on another level: it bends the opacity of a layer by the gamma of a screen. */
const GHOST = FAINT ** (1 / 2.2);
const [SPOT_GHOST, COUNT_GHOST] = [60 / 255, 90 / 255];

/** Draws everything in the order of the overlay: layers of things, then where something is to be done. */
export function drawSigns(pen: Pen, signs: Signs, scene: Panorama, view: View): void {
  const badges = signs.badgesOf(scene.palette);
  for (const [, { batches, clusters }] of signs.take(scene)) {
    for (const batch of batches) drawBatch(pen, batch, badges, view);
    for (const one of clusters) drawCluster(pen, one, scene.palette, view);
  }
  for (const one of scene.spots) {
    const { sign, size, at } = SPOTS[one.type];
    pen.globalAlpha = scene.level === null || one.level === scene.level ? 1 : SPOT_GHOST;
    stamp(pen, badges, sign, size, at, [one.lon, one.lat, one.z], view);
  }
  pen.globalAlpha = 1;
}

function drawBatch(pen: Pen, batch: Batch, badges: Badges, view: View): void {
  const { positions, angles } = batch;
  const sign = signOf(batch.shape, batch.tone);
  pen.globalAlpha = batch.ghost ? GHOST : 1;
  for (let index = 0; index < batch.ids.length; index++) {
    const at: Place = [positions[index * 3]!, positions[index * 3 + 1]!, positions[index * 3 + 2]!];
    if (angles) drawArrow(pen, badges, sign, at, angles[index]!, view);
    else stamp(pen, badges, sign, BADGE, [0, BADGE_UP], at, view);
  }
}

/** An arrow lies in the plane of its road: where its tip and its right side come to lie says how it is bent. */
function drawArrow(pen: Pen, badges: Badges, sign: string, at: Place, angle: number, view: View): void {
  const icon = badges.icons[sign]!;
  const half = icon.width / 2;
  const far = (ARROW * magnify.value) / 2 / half;
  const [x, y] = spotOf(view, at);
  const [ahead, right] = [aside(view, at, [x, y], -angle, far), aside(view, at, [x, y], 90 - angle, far)];
  pen.save();
  pen.transform(right[0], right[1], -ahead[0], -ahead[1], x, y);
  pen.drawImage(badges.image, icon.x, icon.y, icon.width, icon.height, -half, -half, icon.width, icon.height);
  pen.restore();
}

function spotOf(view: View, at: Place): Spot {
  const [x = 0, y = 0] = view.project([...at]);
  return [x, y];
}

/**
 * How far on the page a point is from the spot of a place that lies so many pixels of the middle of the picture away on
 * the ground.
 */
function aside(view: View, at: Place, spot: Spot, degrees: number, pixels: number): Spot {
  const turn = (degrees * Math.PI) / 180;
  const north = (FAR_PX * metresOfPixel(view.latitude, view.zoom)) / METRES_PER_DEGREE;
  const east = north / Math.cos((at[1] * Math.PI) / 180);
  const [u, v] = spotOf(view, [at[0] + east * Math.sin(turn), at[1] + north * Math.cos(turn), at[2]]);
  return [((u - spot[0]) * pixels) / FAR_PX, ((v - spot[1]) * pixels) / FAR_PX];
}
/** Far enough for a difference of two points to be told exactly, near enough to be that of one. */
const FAR_PX = 8;

/** How much larger than in the middle of the picture something is that stands nearer: the camera's own right says so. */
function nearer(view: View, at: Place, spot: Spot): number {
  const [x, y] = aside(view, at, spot, view.bearing + 90, 1);
  return Math.hypot(x, y);
}

function drawCluster(pen: Pen, one: Cluster, palette: Palette, view: View): void {
  const at: Place = [one.lon, one.lat, one.z];
  const [x, y] = spotOf(view, at);
  const times = magnify.value * nearer(view, at, [x, y]);
  pen.globalAlpha = one.ghost ? SPOT_GHOST : 1;
  pen.beginPath();
  pen.arc(x, y, radiusOf(one) * times, 0, 2 * Math.PI);
  pen.fillStyle = palette.halo;
  pen.strokeStyle = one.bad > 0 ? palette.red : palette.ink;
  pen.lineWidth = one.bad > 0 ? 2.5 : 1.2;
  pen.fill();
  pen.stroke();
  pen.globalAlpha = one.ghost ? COUNT_GHOST : 1;
  pen.fillStyle = palette.ink;
  pen.font = `${11 * times}px ${FAMILY}`;
  pen.textAlign = "center";
  pen.textBaseline = "middle";
  pen.fillText(String(one.ids.length), x, y);
}

function stamp(
  pen: Pen,
  badges: Badges,
  sign: string,
  size: number,
  beside: readonly [number, number],
  at: Place,
  view: View,
): void {
  const icon = badges.icons[sign]!;
  const [x, y] = spotOf(view, at);
  const times = magnify.value * nearer(view, at, [x, y]);
  const [left, top, wide] = [x + (beside[0] - size / 2) * times, y + (beside[1] - size / 2) * times, size * times];
  pen.drawImage(badges.image, icon.x, icon.y, icon.width, icon.height, left, top, wide, wide);
}
