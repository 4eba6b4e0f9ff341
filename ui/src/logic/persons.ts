import type { Train } from "../api/types";

/** The lower end of the persons concerned, where the railway told no more than a range: "<5" is 1 to 4. */
export function leastOf(persons: Train["persons"]): number | null {
  return persons.rung === "hits" ? persons.hits_least : null;
}
