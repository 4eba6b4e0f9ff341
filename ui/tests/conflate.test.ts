import { describe, expect, test } from "vitest";
import { Conflator } from "../src/logic/conflate";

describe("changes between two paints", () => {
  test("only the newest of a key is kept", () => {
    const waiting = new Conflator<string>();
    waiting.take({ key: "case/1", value: "a", revision: 1 });
    waiting.take({ key: "case/1", value: "b", revision: 3 });
    waiting.take({ key: "case/1", value: "late", revision: 2 });
    expect(waiting.drain()).toEqual([{ key: "case/1", value: "b", revision: 3 }]);
  });
  test("keys come out in the order of their revisions, once", () => {
    const waiting = new Conflator<number>();
    for (const [key, revision] of [
      ["b", 5],
      ["a", 4],
      ["c", 6],
      ["a", 7],
    ] as const)
      waiting.take({ key, value: revision, revision });
    expect(waiting.drain().map((one) => one.key)).toEqual(["b", "c", "a"]);
    expect(waiting.drain()).toEqual([]);
  });
  test("ten thousand changes of ten keys leave ten", () => {
    const waiting = new Conflator<number>();
    for (let revision = 0; revision < 10_000; revision++)
      waiting.take({ key: `k${revision % 10}`, value: revision, revision });
    expect(waiting.drain().map((one) => one.value)).toEqual([
      9990, 9991, 9992, 9993, 9994, 9995, 9996, 9997, 9998, 9999,
    ]);
  });
});
