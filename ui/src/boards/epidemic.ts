/** The epidemic scene: which trains were warned, how the loop keeps up with whom it found. */

import type { BoardSpec, Moment, Reading } from "./board";

const SCENE = "epidemic";

/** The first key train that has not arrived yet: minutes until it does. */
function nextKey(moment: Moment): Reading {
  const coming = (moment.trains ?? [])
    .filter((one) => one.key_train && one.expected_min * 60_000 >= moment.ms)
    .sort((a, b) => a.expected_min - b.expected_min);
  const [first] = coming;
  if (!first) return { value: null };
  return {
    value: Math.max(0, Math.floor(first.expected_min - moment.ms / 60_000)),
    note: { key: "boards.train", values: { train: first.train } },
  };
}

const unanswered = (moment: Moment): Reading => {
  if (moment.tasks === null) return { value: null };
  const n = moment.tasks.filter((one) => ["assigned", "declined", "escalated"].includes(one.state)).length;
  return { value: n };
};
const count = (value: number | undefined, bad = false): Reading => ({
  value: value ?? null,
  bad: bad && (value ?? 0) > 0,
});
const trains = (moment: Moment, key: boolean): number | undefined =>
  moment.trains?.filter((one) => !key || one.key_train).length;

export const EPIDEMIC: BoardSpec = {
  name: SCENE,
  title: "boards.epidemic",
  needs: "board.read",
  figures: [
    {
      name: "overdue",
      label: "head.overdue",
      needs: "board.read",
      decides: true,
      read: ({ loop }) => count(loop?.overdue, true),
    },
    { name: "open", label: "head.open", needs: "board.read", decides: true, read: ({ loop }) => count(loop?.open) },
    { name: "next", label: "head.next", unit: "boards.min", needs: "alert.read", decides: true, read: nextKey },
    { name: "warned", label: "head.warned", needs: "alert.read", read: (moment) => count(trains(moment, false)) },
    { name: "key", label: "boards.key", needs: "alert.read", read: (moment) => count(trains(moment, true)) },
    { name: "unanswered", label: "head.unanswered", needs: "task.read", read: unanswered },
    {
      name: "tasks_late",
      label: "board.tasks_late",
      needs: "board.read",
      read: ({ loop }) => count(loop?.tasks_late, true),
    },
    {
      name: "difference",
      label: "boards.difference",
      needs: "board.read",
      read: ({ loop }) => count(loop ? Math.abs(loop.balance.difference) : undefined, true),
    },
  ],
  alerts: () => true,
  cases: (one) => one.scene === SCENE,
  trends: [
    {
      name: "loop",
      label: "boards.loop",
      unit: "boards.cases",
      needs: "board.read",
      series: [
        { name: "open", label: "head.open", read: ({ loop }) => loop?.open ?? null },
        { name: "overdue", label: "head.overdue", read: ({ loop }) => loop?.overdue ?? null },
      ],
    },
    {
      name: "trains",
      label: "head.warned",
      unit: "boards.trains",
      needs: "alert.read",
      series: [{ name: "warned", label: "head.warned", read: (moment) => trains(moment, false) ?? null }],
    },
  ],
};
