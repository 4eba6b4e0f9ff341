import vue from "@vitejs/plugin-vue";
import type { PluginOption } from "vite";
import { defineConfig } from "vitest/config";
import { mockServer } from "./dev/mock.ts";
import { brotli } from "./vite/brotli.ts";
import { mapEarly } from "./vite/early.ts";
import { serviceWorker } from "./vite/worker.ts";

const server = "http://127.0.0.1:8420";

// `npm run dev` talks to a running `hubtwin serve`; `npm run mock` answers the API itself, from recorded output.
export default defineConfig(({ mode }) => ({
  plugins: [
    vue(),
    serviceWorker() as PluginOption,
    mapEarly() as PluginOption,
    brotli() as PluginOption,
    ...(mode === "mock" ? [mockServer() as PluginOption] : []),
  ],
  assetsInclude: ["**/*.geojson"],
  define: {
    __VUE_OPTIONS_API__: "false",
    __VUE_PROD_DEVTOOLS__: "false",
    __INTLIFY_JIT_COMPILATION__: "true",
    __VUE_I18N_LEGACY_API__: "false",
    __VUE_I18N_FULL_INSTALL__: "false",
    __INTLIFY_PROD_DEVTOOLS__: "false",
  },
  server: {
    port: 5173,
    fs: { allow: [".."] },
    proxy: mode === "mock" ? undefined : { "/api": { target: process.env.HUBTWIN_URL ?? server, changeOrigin: true } },
  },
  build: {
    target: "es2022",
    chunkSizeWarningLimit: 1100,
    assetsInlineLimit: 0,
    // What many pages share comes in one file, not in twenty: each is a request before anything is seen.
    rolldownOptions: {
      output: {
        codeSplitting: {
          groups: [
            { name: "vue", test: /node_modules\/(@vue|vue|vue-router|vue-i18n|@intlify)\//, priority: 2 },
            { name: "shared", test: /\/ui\/src\/(?!.*\.json)/, minShareCount: 6 },
          ],
        },
      },
    },
  },
  test: { environment: "node", include: ["tests/**/*.test.ts"] },
}));
