/** What a phone keeps for a page without a connection: who was signed in, and the orders of the own team.
 *
 * No name, no word of a person: of somebody signed in the account and what it may do; of an order where, when and what
 * for. Reasons, what partners told, reports and photos are left out.
 */

import type { Hub, Me, Names, Task, TaskFile } from "../api/types";
import { bring, hub, list } from "../state/desk";
import { keptNames, namesOf } from "../state/place";
import { getShelf } from "./outbox";

type Checks = TaskFile["checklist"];

export interface KeptTask {
  task: Task;
  checklist: Checks;
}

interface KeptList {
  user: string;
  at: number;
  hub: Hub | null;
  tasks: KeptTask[];
  /** What the places of the orders are called. */
  places?: Record<string, Names>;
  trains: { subject: string; train: string; expected_min: number }[];
}

const SELF = "self";
const LIST = "list";

export async function keepSelf(who: Me | null): Promise<void> {
  const held = await getShelf();
  await held.write(
    SELF,
    who === null ? null : { ...who, name: who.user, roles: [...who.roles], may: [...who.may], scenes: [...who.scenes] },
  );
}

export async function keptSelf(): Promise<Me | null> {
  const held = await getShelf();
  return held.lasting ? held.read<Me>(SELF) : null;
}

export async function keepList(
  user: string,
  tasks: readonly Task[],
  files: ReadonlyMap<string, TaskFile>,
): Promise<void> {
  const held = await getShelf();
  const wanted = new Set(tasks.map((one) => one.subject));
  const kept: KeptList = {
    user,
    at: Date.now(),
    hub: hub.value && { ...hub.value },
    tasks: tasks.map((one) => ({
      task: bare(one),
      checklist: (files.get(one.task_id)?.checklist ?? []).map(bareCheck),
    })),
    places: Object.fromEntries(tasks.flatMap(({ place }) => (namesOf(place) ? [[place, namesOf(place)!]] : []))),
    trains: (list.value?.trains ?? [])
      .filter((one) => wanted.has(one.subject))
      .map((one) => ({ subject: one.subject, train: one.train, expected_min: one.expected_min })),
  };
  await held.write(LIST, JSON.parse(JSON.stringify(kept)));
}

/** The list of this person as it was kept, with the clock of the hub brought forward; null where there is none. */
export async function keptList(user: string): Promise<KeptList | null> {
  const held = await (await getShelf()).read<KeptList>(LIST);
  if (held?.user !== user) return null;
  keptNames.value = held.places ?? {};
  if (held.hub && hub.value === null) {
    const speed = held.hub.speed || 0;
    const now = new Date(Date.parse(held.hub.now) + (Date.now() - held.at) * speed).toISOString();
    bring("hub", { ...held.hub, now });
  }
  return held;
}

function bare(task: Task): Task {
  const { place, kind, ref } = (task.told ?? {}) as Record<string, unknown>;
  return { ...task, reason: "", told: task.kind === "help" ? { place } : { kind, ref } };
}

function bareCheck(line: Checks[number]): Checks[number] {
  return { ...line, label: { ...line.label }, by: line.by && "-" };
}
