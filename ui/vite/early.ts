/** Has the browser fetch the map while it still reads the page; not on a phone, whose pages begin without one. */

import type { Plugin } from "vite";

const DESK = "(min-width: 721px)";

export function mapEarly(): Plugin {
  return {
    name: "hubtwin-map-early",
    apply: "build",
    transformIndexHtml: {
      order: "post",
      handler(_, { bundle }) {
        const found = Object.keys(bundle ?? {}).filter((name) => /\/TheMap-[\w-]+\.js$/.test(name));
        return found.map((name) => ({
          tag: "link",
          attrs: { rel: "modulepreload", crossorigin: true, href: `/${name}`, media: DESK },
          injectTo: "head",
        }));
      },
    },
  };
}
