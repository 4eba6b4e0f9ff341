/** The boards that this hub has, in the order of the rail. A later scene adds its own here. */

import type { BoardSpec } from "./board";
import { EPIDEMIC } from "./epidemic";
import { HUB } from "./hub";

export const BOARDS: readonly BoardSpec[] = [HUB, EPIDEMIC];
export const boardOf = (name: unknown): BoardSpec | null => BOARDS.find((one) => one.name === name) ?? null;
