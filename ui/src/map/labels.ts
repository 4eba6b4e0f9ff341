/** Labels of the map as points; MapLibre shows those that fit, the important ones first. */

import type { Areas, Position, Station } from "../api/types";

interface Label {
  text: string;
  size: number;
  order: number;
}

export function buildLabels(
  positions: Position[],
  areas: Areas | null,
  hub: { station: Station | undefined; name: string },
  nowMs: number,
  minutes: (count: number) => string,
): GeoJSON.FeatureCollection<GeoJSON.Point, Label> {
  const features: GeoJSON.Feature<GeoJSON.Point, Label>[] = [];
  const add = (lon: number, lat: number, label: Label): void => {
    features.push({ type: "Feature", geometry: { type: "Point", coordinates: [lon, lat] }, properties: label });
  };
  if (hub.station) add(hub.station.lon, hub.station.lat, { text: hub.name, size: 14, order: 0 });
  for (const one of positions) {
    const left = Math.max(0, Math.floor(one.expected_min - nowMs / 60_000));
    add(one.lon, one.lat, {
      text: `${one.key_train ? "★ " : ""}${one.train} ${minutes(left)}`,
      size: one.key_train ? 13 : 12,
      order: (one.key_train ? 1 : 2) + left / 10_000,
    });
  }
  for (const { geometry, properties } of areas?.features ?? []) {
    const count = properties.high + properties.medium;
    const [lon, lat] = geometry.coordinates as unknown as [number, number];
    add(lon, lat, { text: `${properties.name} ${count}`, size: 12, order: 10 - Math.min(5, count / 100) });
  }
  return { type: "FeatureCollection", features };
}
