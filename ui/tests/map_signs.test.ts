// @vitest-environment happy-dom
import { describe, expect, test } from "vitest";
import type { Thing } from "../src/api/panorama";
import { ARROW, BADGE, BADGE_UP, SPOTS, type Badges } from "../src/map/badges";
import { drawSigns } from "../src/map/draw_signs";
import { viewOf } from "../src/map/fit";
import type { Panorama } from "../src/map/painter";
import { Sheet } from "../src/map/sheet";
import { Signs } from "../src/map/signs";

const AT = { lon: 120.2, lat: 30.3 };
const see = (pitch = 0, bearing = 0) =>
  viewOf({ center: [AT.lon, AT.lat], zoom: 16, pitch, bearing }, { width: 800, height: 600 });
const thing = (id: string, some: Partial<Thing>): Thing =>
  ({ id, kind: "staff", at_ms: 0, source: "s", place: "", ...AT, level: "", values: {}, ...some }) as Thing;
const bus = thing("bus", { kind: "vehicle", values: { mode: "bus", bearing: 90 } });

function scene(some: Partial<Panorama>, things: Thing[] = []): Panorama {
  const shown = new Map([
    ["staff", things.filter((one) => one.kind === "staff")],
    ["bus", things.filter((one) => one.kind === "vehicle")],
    ["device", things.filter((one) => one.kind === "camera")],
  ]);
  return {
    on: new Set(["staff", "bus", "device"]),
    shown,
    keyOf: (layer: string) => `${layer}${shown.get(layer)?.length}`,
    placeOf: (one: Thing) => ({ lon: one.lon, lat: one.lat, z: 0, level: one.level }),
    isStale: (one: Thing) => one.source === "lost",
    level: null,
    cell: 0,
    spots: [],
    labels: [],
    palette: { halo: "#fff", ink: "#000", red: "#f00" },
    near: true,
    ...some,
  } as unknown as Panorama;
}

/** A pen that keeps what was drawn: sign, middle and size on the page, and how it was turned. */
class Kept {
  globalAlpha = 1;
  drawn: { sign: string; x: number; y: number; size: number; turned: number[] | null; alpha: number }[] = [];
  written: string[] = [];
  circles: number[] = [];
  private turned: number[] | null = null;
  save = () => undefined;
  restore = () => (this.turned = null);
  transform = (...told: number[]) => (this.turned = told);
  beginPath = () => undefined;
  fill = () => undefined;
  stroke = () => undefined;
  arc = (_x: number, _y: number, radius: number) => this.circles.push(radius);
  fillText = (text: string) => this.written.push(text);
  drawImage(...[, column, , , , x, y, size]: [unknown, string, ...number[]]): void {
    const [left, top, wide] = [x!, y!, size!] as [number, number, number];
    const told = { x: left + wide / 2, y: top + wide / 2, size: wide, turned: this.turned, alpha: this.globalAlpha };
    this.drawn.push({ sign: column, ...told });
  }
}
const badges = { image: {}, icons: new Proxy({}, { get: (_, name) => ({ x: name, y: 0, width: 48, height: 48 }) }) };
function draw(of: Panorama, view = see()): Kept {
  const [pen, signs] = [new Kept(), new Signs()];
  signs.badgesOf = () => badges as unknown as Badges;
  drawSigns(pen as unknown as CanvasRenderingContext2D, signs, of, view);
  return pen;
}

describe("signs on the sheet", () => {
  test("stand above their places, as large as on the overlay in the middle of the picture", () => {
    const [one] = draw(scene({}, [thing("a", {})])).drawn;
    expect(one!.sign).toBe("staff-plain");
    expect([one!.x, one!.y, one!.size]).toEqual([
      expect.closeTo(400, 1),
      expect.closeTo(300 + BADGE_UP, 1),
      expect.closeTo(BADGE, 1),
    ]);
  });
  test("are larger where they stand nearer to the camera", () => {
    const near = { ...thing("near", {}), lat: AT.lat - 0.003 };
    const far = { ...thing("far", {}), lat: AT.lat + 0.003 };
    const [first, second] = draw(scene({}, [near, far]), see(56)).drawn;
    expect(first!.size).toBeGreaterThan(BADGE * 1.1);
    expect(second!.size).toBeLessThan(BADGE * 0.95);
    expect(first!.y).toBeGreaterThan(second!.y);
  });
  test("say what is old, and are faint on levels that are not looked at", () => {
    const some = [thing("old", { source: "lost", level: "B1" }), thing("other", { level: "F2" })];
    expect(draw(scene({ level: "B1" }, some)).drawn.map((one) => [one.sign, one.alpha])).toEqual([
      ["staff-stale", 1],
      ["staff-plain", expect.closeTo(0.5, 2)],
    ]);
  });
  test.each([
    [0, 0, [1, 0]],
    [0, 90, [0, -1]],
    [56, 0, [1, 0]],
  ])("an arrow points along its road: pitch %i, bearing %i", (pitch, bearing, [x, y]) => {
    const [arrow] = draw(scene({}, [bus]), see(pitch, bearing)).drawn;
    const [, , c = 0, d = 0, left, top] = arrow!.turned!; // what points up in the picture of the sign goes to (-c, -d)
    expect([left, top]).toEqual([expect.closeTo(400, 1), expect.closeTo(300, 1)]);
    const far = Math.hypot(c, d);
    expect([-c / far, -d / far]).toEqual([expect.closeTo(x!, 1), expect.closeTo(y!, 1)]);
    expect(far * arrow!.size).toBeCloseTo(ARROW, 0);
  });
  test("count what stands too close, and what is to be done stands beside its place", () => {
    const cameras = [thing("a", { kind: "camera" }), thing("b", { kind: "camera" })];
    const spot = { type: "alarm" as const, place: "P", ids: ["1"], ...AT, z: 0, level: "" };
    const pen = draw(scene({ cell: 0.01, spots: [spot] }, cameras));
    expect(pen.written).toEqual(["2"]);
    expect(pen.circles).toEqual([expect.closeTo(10, 1)]);
    expect(pen.drawn).toMatchObject([{ sign: SPOTS.alarm.sign, x: expect.closeTo(400 + SPOTS.alarm.at[0], 1) }]);
  });
});

describe("signs", () => {
  test("of a layer that did not change are the same, and go with their layer", () => {
    const signs = new Signs();
    const [[, before]] = signs.take(scene({}, [bus])) as [["device", object]];
    expect(signs.take(scene({}, [bus]))[0]![1]).toBe(before);
    expect(signs.thingAt("bus", "go_bus-plain", 0)).toBe("bus");
    expect(signs.take(scene({ on: new Set() }))).toEqual([]);
    expect(signs.thingAt("bus", "go_bus-plain", 0)).toBeNull();
  });
  test("leave no room for a name that would cover them", () => {
    const label = { id: "a", text: "Gate", ...AT, z: 0, size: 12, order: 1 };
    const signs = new Signs();
    const fit = (things: Thing[]): string[] => {
      const told = scene({ labels: [label] }, things);
      signs.take(told);
      signs.fitNames(told, see());
      return signs.names.map((one) => one.text);
    };
    expect(fit([])).toEqual(["Gate"]);
    expect(fit([thing("a", {})])).toEqual([]);
  });
});

test("a picture that comes after the overlay does not take its place", () => {
  const canvas = { dataset: {} as Record<string, string> };
  const sheet = new Sheet(
    () => canvas as never,
    () => null,
    () => scene({}),
  );
  sheet.shows("hub");
  sheet.overlaid = true;
  sheet.shows("overlay");
  sheet.shows("panorama");
  expect(canvas.dataset["shows"]).toBe("overlay");
});

test("nothing is written before the hub can be seen", () => {
  let asked = 0;
  const view = () => ((asked += 1), see());
  const camera = { view } as never;
  const canvas = { getContext: () => null } as never;
  const sheet = new Sheet(
    () => canvas,
    () => camera,
    () => scene({}),
  );
  sheet.fit();
  expect(asked).toBe(0);
  sheet.seen = true;
  sheet.fit();
  expect(asked).toBeGreaterThan(0);
});
