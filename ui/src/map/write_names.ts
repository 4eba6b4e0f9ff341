/** Names of levels and places, written on a plain canvas over the map: one size near and far, sharp in every script. */

import { magnify } from "../state/mapview";
import type { Label } from "./labelfit";
import type { Palette } from "./style";
import { FONT } from "./thing_layers";

interface View {
  width: number;
  height: number;
  project: (at: [number, number, number]) => readonly number[];
}

export function writeNames(canvas: HTMLCanvasElement, names: readonly Label[], palette: Palette, view: View): void {
  const ratio = window.devicePixelRatio || 1;
  const [width, height] = [Math.round(view.width * ratio), Math.round(view.height * ratio)];
  if (canvas.width !== width || canvas.height !== height) [canvas.width, canvas.height] = [width, height];
  const pen = canvas.getContext("2d");
  if (!pen) return;
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.clearRect(0, 0, view.width, view.height);
  pen.textBaseline = "middle";
  pen.lineJoin = "round";
  pen.lineWidth = 3.5 * magnify.value;
  pen.strokeStyle = palette.halo;
  pen.fillStyle = palette.text;
  for (const one of names) {
    const [x = 0, y = 0] = view.project([one.lon, one.lat, one.z]);
    pen.font = `${one.order <= 0 ? 600 : 400} ${one.size}px ${FONT}`;
    pen.textAlign = one.start ? "left" : "center";
    pen.strokeText(one.text, x, y);
    pen.fillText(one.text, x, y);
  }
}
