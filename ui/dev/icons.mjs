/** Draws the icons of the installed page from `public/icon.svg`: `chromium` must be on the path. Run after a new icon:
 * `node dev/icons.mjs`. The maskable one has its picture inside the safe circle (80 %), the ground to the edge. */

import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const svg = readFileSync(new URL("../public/icon.svg", import.meta.url), "utf8");
const folder = mkdtempSync(join(tmpdir(), "icons-"));
for (const [name, size, share, ground] of [
  ["icon-192", 192, 1, "transparent"],
  ["icon-512", 512, 1, "transparent"],
  ["icon-maskable-512", 512, 0.72, "#1d2329"],
]) {
  const page = join(folder, `${name}.html`);
  const side = size * share;
  writeFileSync(
    page,
    `<style>html,body{margin:0;background:${ground}}body{width:${size}px;height:${size}px;display:grid;place-items:center}` +
      `svg{width:${side}px;height:${side}px}</style>${svg}`,
  );
  const target = new URL(`../public/${name}.png`, import.meta.url).pathname;
  execFileSync("chromium", [
    ...["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--default-background-color=00000000"],
    ...[`--window-size=${size},${size}`, `--screenshot=${target}`, `file://${page}`],
  ]);
}
