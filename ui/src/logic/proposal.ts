/** What the system proposes, put into the form of its move. A person reads it, changes it, confirms it. */

import type { Proposal } from "../api/types";
import { type Draft, kindOf } from "./evidence";

/** The newest proposal of each move, the newest move first: a later report takes the place of an earlier one. */
export function newestProposals(proposals: readonly Proposal[]): Proposal[] {
  const byMove = new Map<string, Proposal>();
  for (const one of proposals) {
    const held = byMove.get(one.command);
    if (!held || held.at_min <= one.at_min) byMove.set(one.command, one);
  }
  return [...byMove.values()].sort((a, b) => b.at_min - a.at_min);
}

/** Fills what the person has left empty, with values of fields that the form has; returns whether anything was. */
export function prefill(draft: Draft, proposal: Proposal | undefined): boolean {
  const entry = proposal && draft[proposal.kind];
  if (!entry || entry.ref.trim() !== "") return false;
  entry.ref = proposal.ref;
  for (const field of kindOf(proposal.kind).fields) {
    const value = proposal.values[field.name];
    if (value === undefined || value === null || (entry.values[field.name] ?? "") !== "") continue;
    const told = String(value);
    if (field.type !== "choice" || field.choices?.includes(told)) entry.values[field.name] = told;
  }
  return true;
}
