/** The camera of the map. It moves when a person asks, and while it follows a train; an update never moves it. */

import type { LngLat, Map as BaseMap } from "maplibre-gl";
import type { Floor } from "./pieces";
import type { Lonlat, Point3 } from "./stack";
import { boundsOf, paddingOf, type Scene } from "./scene";

export const CHINA: [Lonlat, Lonlat] = [
  [74, 18],
  [135, 53],
];
const PITCH = 56;
const BEARING = -24;
/** Metres around a place that are shown with it. */
const AROUND_M = 70;
const AREA_ZOOM = 7.5;

/** Where the person left the map: coming back to the desk finds it there. */
let left: { center: LngLat; zoom: number; pitch: number; bearing: number } | null = null;

type Fit = typeof import("./fit");
type What = "hub" | "trains" | "country";

export class Camera {
  /** What was fitted and not moved since: it stays in view when the alarm bar takes some of the height. */
  private fitted: What | null = null;

  constructor(
    private readonly map: BaseMap,
    private readonly box: HTMLElement,
    private readonly fits: Fit,
    private readonly seen: () => {
      scene: Scene;
      floors: readonly Floor[];
      lifts: ReadonlyMap<string, number>;
      panel: number;
    },
  ) {
    map.on("movestart", (moved) => {
      if (moved.originalEvent) this.fitted = null;
    });
    map.on("resize", () => {
      if (this.fitted) this.fit(this.fitted, false);
    });
  }

  /** Goes back to where the person was. Returns whether there was such a place. */
  comeBack(): boolean {
    if (left === null) return false;
    this.map.jumpTo(left);
    return true;
  }

  leave(): void {
    const { map } = this;
    left = { center: map.getCenter(), zoom: map.getZoom(), pitch: map.getPitch(), bearing: map.getBearing() };
  }

  /** How it sees now: pixels of points in space. */
  view() {
    const { clientWidth: width, clientHeight: height } = this.map.getContainer();
    const { lng, lat } = this.map.getCenter();
    const [zoom, pitch, bearing] = [this.map.getZoom(), this.map.getPitch(), this.map.getBearing()];
    return this.fits.viewOf({ center: [lng, lat], zoom, pitch, bearing }, { width, height });
  }

  /** Says on the page where it stands, for what tests the page: an update must not change it. */
  tell(): void {
    const { longitude, latitude, zoom, pitch, bearing } = this.view();
    this.box.dataset["camera"] = [longitude, latitude, zoom, pitch, bearing].map((one) => one.toFixed(6)).join();
  }

  fit(what: What, animate = true): void {
    const { scene, floors, lifts, panel } = this.seen();
    if (what === "hub" && floors.length > 0) {
      const near = this.map.getZoom() > 12;
      const [pitch, bearing] =
        near && this.fitted === null ? [this.map.getPitch(), this.map.getBearing()] : [PITCH, BEARING];
      const stand = this.fits.fitPoints(cornersOf(floors, lifts), this.room(panel), pitch, bearing);
      if (animate && near) this.map.easeTo({ ...stand, duration: 500 });
      else if (animate) this.map.flyTo({ ...stand, duration: 1400 });
      else this.map.jumpTo(stand);
    } else {
      const bounds = what === "country" ? CHINA : (boundsOf(scene) ?? CHINA);
      this.map.fitBounds(bounds, { padding: paddingOf(this.box), maxZoom: 8, pitch: 0, bearing: 0, animate });
    }
    this.fitted = what;
  }

  private room(panel: number) {
    const { clientWidth: width, clientHeight: height } = this.box;
    const small = width < 620;
    return {
      width,
      height,
      padding: small
        ? { top: 64, right: 60, bottom: 72, left: 24 }
        : { top: 64, right: 130, bottom: 64, left: panel + 40 },
    };
  }

  /** Flies to a place of the venue, at its height: a level that is lifted stands nearer to the camera than the ground. */
  toPlace(at: { lon: number; lat: number; z: number }): void {
    this.fitted = null;
    const near = this.map.getZoom() > 12;
    const [pitch, bearing] = near ? [this.map.getPitch(), this.map.getBearing()] : [PITCH, BEARING];
    const { clientWidth: width, clientHeight: height } = this.box;
    const pixelM = (2 * AROUND_M) / (0.6 * Math.min(width, height));
    const stand = this.fits.lookAt([at.lon, at.lat, at.z], pixelM, height, pitch, bearing);
    this.map.flyTo({ ...stand, duration: 900 });
  }

  toPoint(at: Lonlat, zoom = AREA_ZOOM): void {
    this.fitted = null;
    this.map.flyTo({
      center: at,
      zoom: Math.max(zoom, Math.min(10, this.map.getZoom())),
      pitch: 0,
      bearing: 0,
      duration: 900,
    });
  }

  /** Keeps up with what is followed: the middle of the map moves, zoom and turn stay as the person has them. */
  follow(at: Lonlat): void {
    this.fitted = null;
    this.map.easeTo({ center: at, duration: 400 });
  }

  turn(degrees: number): void {
    this.map.easeTo({ bearing: this.map.getBearing() + degrees, duration: 300 });
  }

  tilt(): void {
    this.map.easeTo({ pitch: this.map.getPitch() > 20 ? 0 : PITCH, duration: 400 });
  }

  north(): void {
    this.map.easeTo({ bearing: 0, duration: 300 });
  }
}

function cornersOf(floors: readonly Floor[], lifts: ReadonlyMap<string, number>): Point3[] {
  return floors.flatMap((floor) =>
    floor.plate.map(([lon, lat]): Point3 => [lon, lat, lifts.get(floor.level.level_id) ?? 0]),
  );
}
