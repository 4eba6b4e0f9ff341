/** Places in words, wherever one is told by its code: an exit, a place of the venue, a platform by its number. */

import { shallowRef } from "vue";
import type { Names, Task } from "../api/types";
import { i18n } from "../i18n";
import { aboutOf, hub } from "./desk";
import { lang } from "./prefs";
import { findPlace, loadVenue, venueState } from "./venue";

/** Names that a phone kept for its orders: without a connection there is no venue to ask. */
export const keptNames = shallowRef<Readonly<Record<string, Names>>>({});

/** The names of a place; null where nobody has named it, or the venue is still on its way. */
export function namesOf(code: string): Names | null {
  const exit = hub.value?.exits.find((known) => known.exit_id === code);
  const found = exit?.name ?? findPlace(code)?.name ?? keptNames.value[code] ?? null;
  if (found === null && code !== "" && venueState.value === "idle") queueMicrotask(() => void loadVenue());
  return found;
}

/** A place by its name in the language of the page, else by its code. */
export function placeName(code: string): string {
  const names = namesOf(code);
  return names ? names[lang.value] || names.en || names.zh : code;
}

/** Where an order leads to: a train is met at its platform, or at an exit where nobody knows the platform. */
export function whereTo(task: Pick<Task, "place" | "kind">): string {
  const t = i18n.global.t;
  const exit = hub.value?.exits.some((known) => known.exit_id === task.place);
  if (task.kind === "meet_train" && !exit) return t("trains.platform", { name: task.place });
  const name = placeName(task.place);
  return name === task.place ? t("tasks.at", { place: name }) : name;
}

/** What an order is about; one that only leads to a place says that place, in `whereTo`. */
export function aboutTask(task: Pick<Task, "place" | "subject">): string {
  if (task.subject === task.place) return "";
  const told = aboutOf(task.subject);
  return told === task.subject && told.includes(":") ? placeName(told.slice(told.indexOf(":") + 1)) : told;
}

/** The two in one line, as lists show an order. */
export const lineOf = (task: Pick<Task, "place" | "subject" | "kind">): string =>
  [aboutTask(task), task.place && whereTo(task)].filter(Boolean).join(" · ");
