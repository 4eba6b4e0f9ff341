/** Nothing is written while the page shows a past minute: who looks at 09:00 must not act on what stood there. */

import { guardWrites } from "../api/client";
import { i18n } from "../i18n";
import { isLive } from "./mode";

/** Concern the person or the hub as a whole, and no picture: they stay possible. A call for help above all. */
const ALWAYS = /^\/(session|clock|alarms|help|position)(\/|$)/;

guardWrites((_, path) => (isLive.value || ALWAYS.test(path) ? "" : i18n.global.t("view.read_only")));
