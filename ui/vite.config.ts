import vue from "@vitejs/plugin-vue";
import type { PluginOption } from "vite";
import { defineConfig } from "vitest/config";
import { mockServer } from "./dev/mock.ts";
import { brotli } from "./vite/brotli.ts";
import { serviceWorker } from "./vite/worker.ts";

const server = "http://127.0.0.1:8420";

// `npm run dev` talks to a running `hubtwin serve`; `npm run mock` answers the API itself, from recorded output.
export default defineConfig(({ mode }) => ({
  plugins: [
    vue(),
    serviceWorker() as PluginOption,
    brotli() as PluginOption,
    ...(mode === "mock" ? [mockServer() as PluginOption] : []),
  ],
  assetsInclude: ["**/*.geojson"],
  define: { __VUE_OPTIONS_API__: "false", __VUE_PROD_DEVTOOLS__: "false", __INTLIFY_JIT_COMPILATION__: "true" },
  server: {
    port: 5173,
    fs: { allow: [".."] },
    proxy: mode === "mock" ? undefined : { "/api": { target: process.env.HUBTWIN_URL ?? server, changeOrigin: true } },
  },
  build: { target: "es2022", chunkSizeWarningLimit: 1100, assetsInlineLimit: 0 },
  test: { environment: "node", include: ["tests/**/*.test.ts"] },
}));
