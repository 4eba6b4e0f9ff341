/** Signs of things: a badge with a letter or figure in it, and arrows for what moves. Drawn once per theme. */

import type { Tone } from "./marks";
import type { Palette } from "./style";

/** Of a badge and an arrow on the page, in pixels; a badge stands so many above its point. */
export const BADGE = 22;
export const ARROW = 18;
export const BADGE_UP = -16;
/** Opacity of what is on another level than the chosen one. */
export const FAINT = 0.22;
/** A place with alarms has their sign left of its middle, cases have theirs right of it. */
export const SPOTS = {
  alarm: { sign: "alarm-bad", size: 28, at: [-14, -18] },
  case: { sign: "case-plain", size: 22, at: [14, -18] },
} as const;
const SIZE = 48;
const STEP = 52;

/** Paths on a field of 24 by 24, as lines; what moves is a filled shape that points up. */
const SIGNS: Record<string, string> = {
  metro: "M5 17V7l7 7 7-7v10",
  bus: "M6 5h12v11H6zM6 11h12M8 19h.5M15.500 19h.5",
  taxi: "M5 16v-4l2-4h10l2 4v4zM10 5h4v3h-4zM8 19h.5M15.500 19h.5",
  ride_hailing: "M5 16v-4l2-4h10l2 4v4zM5 12h14M8 19h.5M15.500 19h.5",
  garage: "M9 19V5h5a4 4 0 0 1 0 8H9",
  queue: "M5 9a2 2 0 1 0 .1 0M12 9a2 2 0 1 0 .1 0M19 9a2 2 0 1 0 .1 0M5 14v4M12 14v4M19 14v4",
  staff: "M12 5a3.500 3.500 0 1 0 .1 0M5 20c0-9 14-9 14 0",
  camera: "M4 8h11v8H4zM15 11l5-3v8l-5-3",
  device: "M12 8a4 4 0 1 0 .1 0M12 4v3M12 17v3M4 12h3M17 12h3",
  weather: "M8 17a4 4 0 1 1 .5-7.500A5 5 0 0 1 17 11a3 3 0 0 1 0 6z",
  warning: "M12 4l9 15H3zM12 10v4M12 16.500v.5",
  alarm: "M12 3l9 9-9 9-9-9zM12 8v5M12 15.500v.5",
  case: "M5 8h14v11H5zM9 8V5h6v3",
  thing: "M12 8a4 4 0 1 0 .1 0",
};
const ARROWS: Record<string, string> = {
  go_bus: "M8 8l4-5 4 5v13H8z",
  go_coach: "M7 9l5-6 5 6v12H7z",
  go_taxi: "M12 3l7 18-7-4-7 4z",
  go_ride_hailing: "M12 3l7 18H5z",
  go_metro: "M12 3l5 6v12H7V9z",
};
const TONES: readonly Tone[] = ["plain", "stale", "bad"];

export interface Badges {
  image: HTMLCanvasElement;
  icons: Record<string, { x: number; y: number; width: number; height: number; anchorX: number; anchorY: number }>;
}

/** The name of a sign in the atlas; a shape that nobody has drawn is a plain dot. */
export const signOf = (shape: string, tone: Tone): string =>
  `${shape in SIGNS || shape in ARROWS ? shape : "thing"}-${tone}`;

export function drawBadges(palette: Palette): Badges {
  const shapes = [...Object.keys(SIGNS), ...Object.keys(ARROWS)];
  const image = document.createElement("canvas");
  image.width = STEP * shapes.length;
  image.height = STEP * TONES.length;
  const pen = image.getContext("2d");
  const icons: Badges["icons"] = {};
  shapes.forEach((shape, column) =>
    TONES.forEach((tone, row) => {
      const [x, y] = [column * STEP, row * STEP];
      icons[`${shape}-${tone}`] = { x, y, width: SIZE, height: SIZE, anchorX: SIZE / 2, anchorY: SIZE / 2 };
      if (!pen) return;
      pen.save();
      pen.translate(x, y);
      if (shape in ARROWS) drawArrow(pen, ARROWS[shape]!, tone, palette);
      else drawSign(pen, SIGNS[shape]!, tone, palette);
      pen.restore();
    }),
  );
  return { image, icons };
}

function drawSign(pen: CanvasRenderingContext2D, path: string, tone: Tone, palette: Palette): void {
  const line = tone === "bad" ? palette.red : tone === "stale" ? palette.stale : palette.ink;
  pen.lineWidth = tone === "bad" ? 4 : 2.5;
  pen.strokeStyle = line;
  pen.fillStyle = palette.halo;
  // What is not live is told by the broken line, not by its grey alone.
  pen.setLineDash(tone === "stale" ? [6, 4] : []);
  pen.beginPath();
  pen.roundRect(3, 3, SIZE - 6, SIZE - 6, 10);
  pen.fill();
  pen.stroke();
  pen.setLineDash([]);
  pen.translate(9, 9);
  pen.scale(1.25, 1.25);
  pen.lineWidth = 2;
  pen.lineCap = pen.lineJoin = "round";
  pen.stroke(new Path2D(path));
}

function drawArrow(pen: CanvasRenderingContext2D, path: string, tone: Tone, palette: Palette): void {
  pen.scale(2, 2);
  pen.lineWidth = 1.6;
  pen.lineJoin = "round";
  pen.strokeStyle = tone === "plain" ? palette.halo : tone === "bad" ? palette.red : palette.stale;
  pen.fillStyle = tone === "stale" ? palette.halo : palette.ink;
  pen.setLineDash(tone === "stale" ? [2, 1.5] : []);
  const shape = new Path2D(path);
  pen.fill(shape);
  pen.stroke(shape);
}
