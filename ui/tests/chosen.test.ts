import { beforeEach, expect, test } from "vitest";
import { choose, chosen, chosenOf, forgetChosen, lookedFor, showOnMap, toggleChosen } from "../src/state/chosen";

beforeEach(forgetChosen);

test("what is chosen is one thing, of whatever type", () => {
  const [train, area] = [chosenOf("train"), chosenOf("area")];
  train.value = "G1";
  expect(chosen.value).toEqual({ type: "train", id: "G1" });
  area.value = "330104";
  expect(train.value).toBeNull();
  train.value = null;
  expect(area.value).toBe("330104");
  area.value = null;
  expect(chosen.value).toBeNull();
});

test("the second click on the same gives it up", () => {
  toggleChosen("unit", "N1");
  toggleChosen("unit", "N2");
  expect(chosen.value?.id).toBe("N2");
  toggleChosen("unit", "N2");
  expect(chosen.value).toBeNull();
});

test("choosing does not move the map; asking does, also twice for the same", () => {
  choose("unit", "N1");
  expect(lookedFor.value).toBeNull();
  showOnMap("unit", "N1");
  const first = lookedFor.value?.nr;
  showOnMap("unit", "N1");
  expect(lookedFor.value?.nr).toBeGreaterThan(first!);
});
