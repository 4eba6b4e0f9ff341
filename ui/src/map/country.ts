/** The country around the hub: its land comes after the hub itself, its names and cities when a person looks so far. */

import type { GeoJSONSource, Map as BaseMap } from "maplibre-gl";
import { chinaAt, loadNames, PREFECTURE_ZOOM, prefecturesAt, type Palette } from "./style";

export class Country {
  /** Whether its land was asked for; until then bare ground stands for it. */
  private landed = false;
  /** Whether the style that the map has or gets was made with bare ground. */
  private bare = false;
  private names: GeoJSON.FeatureCollection | null = null;
  private cities = false;

  /** Whether a style begins with the land: not where the hub is looked at, which comes first. */
  beginsWithLand(far: boolean): boolean {
    this.landed ||= far;
    this.bare = !this.landed;
    return this.landed;
  }

  /** To be called when the map has a new style, which holds nothing of it yet. */
  begin(map: BaseMap, far: boolean, palette: () => Palette): void {
    this.cities = false;
    if (this.landed) this.put(map, palette);
    if (this.names) map.getSource<GeoJSONSource>("names")?.setData(this.names);
    this.show(map, far);
  }

  show(map: BaseMap, far: boolean): void {
    if (!far) return;
    if (!this.names)
      void loadNames().then((loaded) => {
        this.names = loaded;
        map.getSource<GeoJSONSource>("names")?.setData(loaded);
      }, console.error);
    if (this.cities || map.getZoom() < PREFECTURE_ZOOM) return;
    map.getSource<GeoJSONSource>("prefectures")?.setData(prefecturesAt());
    this.cities = true;
  }

  /** Puts the land in the place of the bare ground: now, or with the style that is on its way. */
  land(map: BaseMap, palette: () => Palette): void {
    this.landed = true;
    if (map.getLayer("sea")) this.put(map, palette);
  }

  get isThere(): boolean {
    return this.landed;
  }

  private put(map: BaseMap, palette: () => Palette): void {
    if (!this.bare) return;
    this.bare = false;
    if (!map.getLayer("land")) return; // a deployment's own tiles have theirs
    map.getSource<GeoJSONSource>("china")?.setData(chinaAt());
    map.once("idle", () => map.getLayer("sea") && map.setPaintProperty("sea", "background-color", palette().sea));
  }
}
