/** A declared event in one line: its disease by name, from its first day to its last. */

import type { EmergencyChoice } from "../api/types";
import { emergency } from "../state/desk";
import { useWords } from "./use";

export function useEvent() {
  const { t, named, day } = useWords();
  return (one: EmergencyChoice): string => {
    const known = emergency.value?.diseases.find((each) => each.disease === one.disease);
    const disease = known ? named(known.name) : one.disease;
    // It ends at the first minute after its last day.
    return t("access.event", { disease, from: day(one.begins_min), until: day(one.ends_min - 1) });
  };
}

/** The short form of an id: enough to tell two apart on a page. */
export const shortId = (id: string): string => id.slice(0, 8);
