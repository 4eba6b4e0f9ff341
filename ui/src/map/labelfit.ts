/** Which names fit: the important ones first, and none that would cover another. */

export interface Label {
  id: string;
  text: string;
  lon: number;
  lat: number;
  z: number;
  size: number;
  /** Lower comes first. */
  order: number;
  /** Begins at its point instead of standing over it. */
  start?: boolean;
}

export interface Screen {
  width: number;
  height: number;
  /** Pixels of a point in space. */
  project: (at: [number, number, number]) => readonly number[];
  /** Boxes that no name may cover, as left, top, right, bottom. */
  taken?: readonly Box[];
}

export type Box = readonly [number, number, number, number];

const PAD = 3;
/** A CJK sign is as wide as the type is high; a Latin letter about half of that. */
const WIDE = /[\u2e80-\u9fff\uac00-\ud7af\uff00-\uffef]/;

export function widthOf(text: string, size: number): number {
  let width = 0;
  for (const sign of text) width += WIDE.test(sign) ? size : size * 0.58;
  return width;
}

/** Cells of a coarse grid: a label is compared with those in its neighbourhood only. */
const CELL = 64;

/** The labels that can be shown together, the first come first served by `order`; none beyond the screen. */
export function fitLabels(labels: readonly Label[], screen: Screen): Label[] {
  const taken = new Map<number, Box[]>();
  const take = (box: Box): void => {
    for (const cell of cellsOf(box)) {
      const held = taken.get(cell);
      if (held) held.push(box);
      else taken.set(cell, [box]);
    }
  };
  const shown: Label[] = [];
  let signs = screen.taken;
  for (const one of [...labels].sort((a, b) => a.order - b.order)) {
    // What is chosen and the names of levels are written even over a sign.
    if (one.order > 0) {
      signs?.forEach(take);
      signs = undefined;
    }
    const [left, top] = screen.project([one.lon, one.lat, one.z]) as [number, number];
    const [w, h] = [widthOf(one.text, one.size) / 2 + PAD, one.size / 2 + PAD];
    const [x, y] = [one.start ? left + w : left, top];
    if (x + w < 0 || y + h < 0 || x - w > screen.width || y - h > screen.height) continue;
    const box: Box = [x - w, y - h, x + w, y + h];
    if (cellsOf(box).some((cell) => taken.get(cell)?.some((other) => meet(box, other)))) continue;
    take(box);
    shown.push(one);
  }
  return shown;
}

function cellsOf([west, north, east, south]: Box): number[] {
  const cells: number[] = [];
  for (let cx = Math.floor(west / CELL); cx <= Math.floor(east / CELL); cx++)
    for (let cy = Math.floor(north / CELL); cy <= Math.floor(south / CELL); cy++) cells.push(cx * 4096 + cy);
  return cells;
}

const meet = (a: readonly number[], b: readonly number[]): boolean =>
  a[0]! < b[2]! && a[2]! > b[0]! && a[1]! < b[3]! && a[3]! > b[1]!;
