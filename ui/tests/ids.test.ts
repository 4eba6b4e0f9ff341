import { afterEach, expect, test, vi } from "vitest";
import { makeId } from "../src/logic/ids";

afterEach(() => vi.unstubAllGlobals());

test("keys are 128 bits, differ, and need no page that is private to its host", () => {
  const { getRandomValues } = globalThis.crypto;
  vi.stubGlobal("crypto", { getRandomValues: getRandomValues.bind(globalThis.crypto) });
  const made = Array.from({ length: 100 }, makeId);
  expect(new Set(made).size).toBe(100);
  for (const one of made) expect(one).toMatch(/^[0-9a-f]{32}$/);
});

test("no page asks the browser for a UUID", () => {
  const files = import.meta.glob<string>("../src/**/*.{ts,vue}", { query: "?raw", import: "default", eager: true });
  expect(Object.keys(files).length).toBeGreaterThan(100);
  expect(Object.keys(files).filter((file) => files[file]!.includes("randomUUID()"))).toEqual([]);
});
