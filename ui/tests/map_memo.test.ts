import { describe, expect, it } from "vitest";
import { Memo } from "../src/map/memo";

describe("what the map remembers of its layers", () => {
  const make = (): object[] => [{}];

  it("gives the same layers for the same parts, and new ones for others", () => {
    const memo = new Memo<object>();
    const first = memo.of("level", [1, "a"], make);
    memo.sweep();
    expect(memo.of("level", [1, "a"], make)).toBe(first);
    expect(memo.of("level", [2, "a"], make)).not.toBe(first);
  });

  it("makes a layer anew that was out of the picture: the renderer has ended the old one", () => {
    const memo = new Memo<object>();
    const first = memo.of("level", [1], make);
    memo.sweep();
    memo.of("country", [], make);
    memo.sweep();
    expect(memo.of("level", [1], make)).not.toBe(first);
  });
});
