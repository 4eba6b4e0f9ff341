import { describe, expect, test } from "vitest";
import type { Position, Station, Train } from "../src/api/types";
import { boundsOf, paddingOf } from "../src/map/scene";

const station = (id: string, lon: number, lat: number, hub = false): Station =>
  ({ station_id: id, name: id, lon, lat, hub }) as Station;
const STATIONS = [station("HGH", 120, 30, true), station("NJH", 118, 32), station("URC", 87, 43)];
const from = (...ids: string[]): Train => ({ calls: ids.map((station_id) => ({ station_id })) }) as unknown as Train;

describe("the first view of the map", () => {
  test("is the hub and the stations of its warned trains, and no other", () => {
    expect(boundsOf({ stations: STATIONS, trains: [from("NJH")], positions: [] })).toEqual([
      [118, 30],
      [120, 32],
    ]);
  });
  test("holds trains on their way", () => {
    const positions = [{ lon: 121, lat: 29 } as Position];
    expect(boundsOf({ stations: STATIONS, trains: [], positions })).toEqual([
      [120, 29],
      [121, 30],
    ]);
  });
  test("is not blown up by one train from the other end of the country", () => {
    const many = Array.from({ length: 30 }, () => from("NJH"));
    expect(boundsOf({ stations: STATIONS, trains: [...many, from("URC")], positions: [] })).toEqual([
      [118, 30],
      [120, 32],
    ]);
  });
  test("is the hub alone where nothing is warned of, and nothing where nothing is known", () => {
    expect(boundsOf({ stations: STATIONS, trains: [], positions: [] })).toEqual([
      [120, 30],
      [120, 30],
    ]);
    expect(boundsOf({ stations: [], trains: [from("NJH")], positions: [] })).toBeNull();
  });
});

test("a small map gives less at its sides and more below, where notes wrap", () => {
  const wide = paddingOf({ clientWidth: 1200, clientHeight: 800 });
  const small = paddingOf({ clientWidth: 390, clientHeight: 380 });
  expect(small.left + small.right).toBeLessThan(wide.left + wide.right);
  expect(small.bottom).toBeGreaterThan(wide.bottom);
  expect(paddingOf(null)).toEqual(wide);
});
