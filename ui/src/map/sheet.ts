/** The plain canvas over the map: names for good, and signs until the overlay draws them. */

import type { Camera } from "./camera";
import { drawSigns } from "./draw_signs";
import type { Panorama } from "./painter";
import { Signs } from "./signs";
import { openSheet, writeNames } from "./write_names";

export class Sheet {
  readonly signs = new Signs();
  /** Whether the hub below can be seen: nothing is written over an empty ground. */
  seen = false;
  /** Whether the overlay draws what stands and moves. */
  overlaid = false;

  constructor(
    private readonly canvas: () => HTMLCanvasElement | null,
    private readonly camera: () => Camera | null,
    private readonly scene: () => Panorama,
  ) {}

  /** Says on the page how far the picture has come, for what measures and tests it. */
  shows(what: "hub" | "panorama" | "overlay"): void {
    if (this.overlaid && what !== "overlay") return; // a picture that came late is in the overlay already
    performance.mark(what);
    const canvas = this.canvas();
    if (canvas) canvas.dataset["shows"] = what;
  }

  /** Writes where everything is now; called for every frame in which the camera moved. */
  write(): void {
    const [canvas, camera, scene] = [this.canvas(), this.camera(), this.scene()];
    if (!canvas || !camera || !this.seen) return;
    const view = camera.view();
    const pen = openSheet(canvas, view);
    if (!pen || !scene.near) return;
    if (!this.overlaid) drawSigns(pen, this.signs, scene, view);
    writeNames(pen, this.signs.names, scene.palette, view);
  }

  /** Chooses anew which names fit, and writes. */
  fit(): void {
    const [camera, scene] = [this.camera(), this.scene()];
    if (!camera || !this.seen) return;
    if (scene.near) {
      // The overlay takes them when it paints: what is under the pointer is told by what it has drawn.
      if (!this.overlaid) this.signs.take(scene);
      this.signs.fitNames(scene, camera.view());
    }
    this.write();
  }
}
