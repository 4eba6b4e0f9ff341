/** A minute of the real clock as its day in the zone of the hub. */

import { hubDate, minuteMs } from "../logic/time";
import { zone } from "./desk";

export const day = (minute: number): string => hubDate(minuteMs(minute), zone.value);
