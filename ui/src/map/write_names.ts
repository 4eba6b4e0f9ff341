/** Names of levels and places, written on a plain canvas over the map: one size near and far, sharp in every script. */

import { magnify } from "../state/mapview";
import type { Label } from "./labelfit";
import type { View } from "./signs";
import { FAMILY, type Palette } from "./style";

/** Empties the canvas, as large as what the camera sees, and gives its pen; null where the browser has none. */
export function openSheet(canvas: HTMLCanvasElement, view: View): CanvasRenderingContext2D | null {
  const ratio = window.devicePixelRatio || 1;
  const [width, height] = [Math.round(view.width * ratio), Math.round(view.height * ratio)];
  if (canvas.width !== width || canvas.height !== height) [canvas.width, canvas.height] = [width, height];
  const pen = canvas.getContext("2d");
  pen?.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen?.clearRect(0, 0, view.width, view.height);
  return pen;
}

export function writeNames(pen: CanvasRenderingContext2D, names: readonly Label[], palette: Palette, view: View): void {
  pen.textBaseline = "middle";
  pen.lineJoin = "round";
  pen.lineWidth = 3.5 * magnify.value;
  pen.strokeStyle = palette.halo;
  pen.fillStyle = palette.text;
  for (const one of names) {
    const [x = 0, y = 0] = view.project([one.lon, one.lat, one.z]);
    pen.font = `${one.order <= 0 ? 600 : 400} ${one.size}px ${FAMILY}`;
    pen.textAlign = one.start ? "left" : "center";
    pen.strokeText(one.text, x, y);
    pen.fillText(one.text, x, y);
  }
}
