/** Writes `sw.js` beside the built page: which files a phone keeps, and a version that changes with any of them. */

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import type { Plugin } from "vite";

/** What a phone never needs without a connection: maps and charts. They are fetched when they are looked at. */
const LARGE = 400 * 1024;
const PUBLIC = ["/icon.svg", "/icon-192.png", "/manifest.zh.webmanifest", "/manifest.en.webmanifest"];
const KEPT = /\.(js|css|woff2)$/;

export function serviceWorker(): Plugin {
  return {
    name: "hubtwin-service-worker",
    apply: "build",
    generateBundle(_, bundle) {
      const hash = createHash("sha256");
      const files = ["/index.html", ...PUBLIC];
      for (const [name, made] of Object.entries(bundle).sort(([a], [b]) => (a < b ? -1 : 1))) {
        const content = made.type === "chunk" ? made.code : made.source;
        hash.update(name).update(content);
        if (KEPT.test(name) && Buffer.byteLength(content) <= LARGE) files.push(`/${name}`);
      }
      const template = readFileSync(new URL("./sw.js", import.meta.url), "utf8");
      const source = template
        .replace("__VERSION__", hash.update(template).digest("hex").slice(0, 12))
        .replace("__FILES__", JSON.stringify(files));
      this.emitFile({ type: "asset", fileName: "sw.js", source });
    },
  };
}
