/** The shapes of the map, drawn once: level is told by shape as well as by colour. */

const CELL = 64;

const SHAPES: Record<string, [number, number][]> = {
  high: [
    [32, 4],
    [60, 32],
    [32, 60],
    [4, 32],
  ],
  medium: [
    [32, 6],
    [60, 56],
    [4, 56],
  ],
  train: [
    [32, 4],
    [54, 58],
    [32, 46],
    [10, 58],
  ],
  hub: [
    [10, 10],
    [54, 10],
    [54, 54],
    [10, 54],
  ],
};

export type Shape = keyof typeof SHAPES;

export const ICONS = Object.fromEntries(
  Object.keys(SHAPES).map((name, index) => [
    name,
    { x: index * CELL, y: 0, width: CELL, height: CELL, anchorX: CELL / 2, anchorY: CELL / 2, mask: true },
  ]),
);

/** Returns the atlas as an image; shapes are masks, coloured when drawn. */
export function drawAtlas(): HTMLCanvasElement {
  const canvas = document.createElement("canvas");
  canvas.width = CELL * Object.keys(SHAPES).length;
  canvas.height = CELL;
  const pen = canvas.getContext("2d");
  if (!pen) return canvas;
  pen.fillStyle = "#fff";
  Object.values(SHAPES).forEach((corners, index) => {
    pen.beginPath();
    corners.forEach(([x, y], corner) => (corner === 0 ? pen.moveTo : pen.lineTo).call(pen, index * CELL + x, y));
    pen.closePath();
    pen.fill();
  });
  return canvas;
}
