/** Writes a `.br` beside every built file that is worth it: the server sends it to browsers that take brotli. */

import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, constants } from "node:zlib";
import type { Plugin } from "vite";

const KINDS = /\.(m?js|css|html|json|geojson|svg|webmanifest)$/;
/** Of this size on. Below it the header costs as much as is saved. */
const WORTH_BYTES = 1024;

export function brotli(): Plugin {
  let folder = "";
  return {
    name: "hubtwin-brotli",
    apply: "build",
    configResolved: (config) => void (folder = join(config.root, config.build.outDir)),
    closeBundle() {
      for (const name of readdirSync(folder, { recursive: true, encoding: "utf8" })) {
        if (!KINDS.test(name)) continue;
        const content = readFileSync(join(folder, name));
        if (content.length < WORTH_BYTES) continue;
        const params = {
          [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY,
          [constants.BROTLI_PARAM_SIZE_HINT]: content.length,
        };
        const packed = brotliCompressSync(content, { params });
        if (packed.length < content.length) writeFileSync(join(folder, `${name}.br`), packed);
      }
    },
  };
}
