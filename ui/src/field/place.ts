/** Where an order leads to, in words: an exit by its name, a platform as one, any other place by its code. */

import type { Task } from "../api/types";
import { i18n } from "../i18n";
import { hub } from "../state/desk";
import { lang } from "../state/prefs";

export function placeName(task: Pick<Task, "place" | "kind">): string {
  const t = i18n.global.t;
  const exit = hub.value?.exits.find((known) => known.exit_id === task.place);
  if (exit) return exit.name[lang.value] || exit.name.en;
  return task.kind === "meet_train" ? t("trains.platform", { name: task.place }) : t("tasks.at", { place: task.place });
}
