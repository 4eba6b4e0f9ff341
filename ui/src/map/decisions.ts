/**
 * Which decisions rest on which kind of source: what a person must not decide by this page while it is lost. The texts
 * are in `map.json` under `decision`. The links are ours: they follow from which scene reads which dataset.
 */

const BY_WORD: readonly (readonly [RegExp, readonly string[]])[] = [
  [/count|crowd|density|people|lane/, ["crowd_control", "overflow"]],
  [/onward/, ["call_taxis", "call_ride_hailing", "extra_buses", "extend_metro", "guide_parking"]],
  [/vehicle/, ["extra_buses", "call_taxis"]],
  [/camera|video|device/, ["crowd_control", "verify"]],
  [/taxi/, ["call_taxis"]],
  [/ride|hailing/, ["call_ride_hailing"]],
  [/bus|coach/, ["extra_buses"]],
  [/metro|subway/, ["extend_metro"]],
  [/garage|parking|car.?park/, ["guide_parking"]],
  [/staff|team|duty/, ["nearest_team"]],
  [/weather|warning/, ["weather_plan"]],
  [/running|timetable|train|rail/, ["meet_trains"]],
  [/booking|ticket/, ["who_is_on_board"]],
  [/risk|area/, ["single_out_trains"]],
  [/gate|screen|health|code/, ["screening"]],
  [/result|antigen|nucleic|laborator/, ["release_or_transfer"]],
  [/lift|elevator|escalator|device|fire|alarm/, ["step_free"]],
];

/** The decisions that lost sources no longer support, by their names; each once. */
export function decisionsLost(sources: Iterable<string>): string[] {
  const lost = new Set<string>();
  for (const name of sources)
    for (const [word, decisions] of BY_WORD)
      if (word.test(name.toLowerCase())) for (const one of decisions) lost.add(one);
  return [...lost];
}

/** Every decision that is named anywhere: each needs its text. */
export const DECISIONS: readonly string[] = [...new Set(BY_WORD.flatMap(([, decisions]) => decisions))];
