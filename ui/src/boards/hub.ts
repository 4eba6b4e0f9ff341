/** The hub itself: how full it is, how fast it empties, what is sensed of it. */

import type { Thing } from "../api/panorama";
import type { BoardSpec, Figure, Moment, Reading } from "./board";
import { fold, onTime, sensed } from "./data";

const MODES = ["metro", "bus", "taxi", "ride_hailing"] as const;
const mode =
  (name: string) =>
  (one: Thing): boolean =>
    one.values["mode"] === name;

export const people = (moment: Moment): Reading => fold(sensed(moment, "zone"), "people", "sum");

/** The zones where people can hardly move any more: level of service E or F. */
function crowded(moment: Moment): Reading {
  const found = sensed(moment, "zone", (one) => typeof one.values["los"] === "string");
  const stale = found.silent.length > 0;
  if (found.fresh.length === 0) return { value: null, stale };
  const n = found.fresh.filter((one) => ["E", "F"].includes(String(one.values["los"]))).length;
  const all = found.fresh.length + found.silent.length;
  const note: Reading["note"] = stale
    ? { key: "boards.silent", values: { n: found.silent.length, all } }
    : { key: "boards.of_zones", values: { n: all } };
  return { value: n, bad: n > 0, stale, note };
}

function waiting(name: string): Figure {
  return {
    name: `wait_${name}`,
    label: `boards.wait_${name}`,
    unit: "boards.min",
    needs: "map.read",
    read: (moment) => {
      const told = fold(sensed(moment, "queue", mode(name)), "wait_s", "max");
      return { ...told, value: told.value === null ? null : Math.round(told.value / 60) };
    },
  };
}

function sourcesLate(moment: Moment): Reading {
  if (moment.sources === null) return { value: null };
  const on = moment.sources.filter((one) => one.state !== "off");
  const late = on.filter((one) => one.state === "late" || one.state === "failed").length;
  return { value: late, bad: late > 0, note: { key: "boards.of_sources", values: { n: on.length } } };
}

export const HUB: BoardSpec = {
  name: "hub",
  title: "boards.hub",
  needs: "hub.read",
  figures: [
    { name: "people", label: "boards.people", needs: "map.read", decides: true, read: people },
    { name: "crowded", label: "boards.crowded", needs: "map.read", decides: true, read: crowded },
    {
      name: "queueing",
      label: "boards.queueing",
      needs: "map.read",
      decides: true,
      read: (moment) => fold(sensed(moment, "queue"), "waiting", "sum"),
    },
    { name: "on_time", label: "boards.on_time", unit: "boards.percent", needs: "alert.read", read: onTime },
    ...MODES.map(waiting),
    {
      name: "metro_next",
      label: "boards.metro_next",
      unit: "boards.min",
      needs: "map.read",
      read: (moment) => fold(sensed(moment, "supply", mode("metro")), "next_min", "min"),
    },
    {
      name: "taxis",
      label: "boards.taxis",
      needs: "map.read",
      read: (moment) => fold(sensed(moment, "supply", mode("taxi")), "vehicles", "sum"),
    },
    {
      name: "spaces",
      label: "boards.spaces",
      needs: "map.read",
      read: (moment) => fold(sensed(moment, "supply", mode("garage")), "spaces", "sum"),
    },
    { name: "sources", label: "boards.sources_late", needs: "hub.read", read: sourcesLate },
  ],
  alerts: () => true,
  trends: [
    {
      name: "people",
      label: "boards.people",
      unit: "boards.persons",
      needs: "map.read",
      series: [{ name: "people", label: "boards.people", read: (moment) => people(moment).value }],
    },
    {
      name: "queues",
      label: "boards.queueing",
      unit: "boards.persons",
      needs: "map.read",
      series: MODES.map((name) => ({
        name,
        label: `boards.mode_${name}`,
        read: (moment: Moment) => fold(sensed(moment, "queue", mode(name)), "waiting", "sum").value,
      })),
    },
  ],
};
