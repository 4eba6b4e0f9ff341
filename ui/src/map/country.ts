/** The country around the hub: its land comes after the hub itself, its names and cities when a person looks so far. */

import type { GeoJSONSource, Map as BaseMap } from "maplibre-gl";
import { chinaAt, loadNames, PREFECTURE_ZOOM, prefecturesAt, type Palette } from "./style";

export class Country {
  /** Whether its land was asked for; until then bare ground stands for it. */
  landed = false;
  private names: GeoJSON.FeatureCollection | null = null;
  private cities = false;

  /** To be called when the map has a new style, which holds nothing of it yet. */
  begin(map: BaseMap, far: boolean): void {
    this.cities = false;
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

  /** Puts the land in the place of the bare ground. */
  land(map: BaseMap, palette: () => Palette): void {
    if (this.landed) return;
    this.landed = true;
    if (!map.getLayer("land")) return; // a deployment's own tiles have theirs
    map.getSource<GeoJSONSource>("china")?.setData(chinaAt());
    map.once("idle", () => map.getLayer("sea") && map.setPaintProperty("sea", "background-color", palette().sea));
  }
}
