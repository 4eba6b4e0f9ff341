/** What a person has chosen, on the map or in a list, and where they asked the map to look. */

import { computed, ref, shallowRef } from "vue";

export type ChosenType = "thing" | "unit" | "train" | "case" | "area" | "alarm";

export interface Chosen {
  type: ChosenType;
  /** Of a thing its id, of a unit its code, of a train or alarm its subject or id, of an area its code. */
  id: string;
}

export const chosen = shallowRef<Chosen | null>(null);

export const isChosen = (type: ChosenType, id: string): boolean =>
  chosen.value?.type === type && chosen.value.id === id;

/** Chooses a thing; the map does not move. */
export function choose(type: ChosenType, id: string): void {
  if (!isChosen(type, id)) chosen.value = { type, id };
}

/** Chooses, or gives up what was chosen already: the second click on the same. */
export function toggleChosen(type: ChosenType, id: string): void {
  chosen.value = isChosen(type, id) ? null : { type, id };
}

export function unchoose(): void {
  chosen.value = null;
}

/** One type of what is chosen as a reference of its own; giving it null gives up only what is of that type. */
export const chosenOf = (type: ChosenType) =>
  computed<string | null>({
    get: () => (chosen.value?.type === type ? chosen.value.id : null),
    set: (id) => {
      if (id !== null) choose(type, id);
      else if (chosen.value?.type === type) unchoose();
    },
  });

/** What the map was asked to show. `nr` tells two questions for the same apart. */
export const lookedFor = shallowRef<(Chosen & { nr: number }) | null>(null);
let asked = 0;

/** Chooses and moves the map there: only when a person asks for it. */
export function showOnMap(type: ChosenType, id: string): void {
  choose(type, id);
  lookedFor.value = { type, id, nr: ++asked };
}

/** The train that the camera follows, by its subject; null while it follows none. */
export const followed = ref<string | null>(null);

export function forgetChosen(): void {
  chosen.value = null;
  lookedFor.value = null;
  followed.value = null;
}
