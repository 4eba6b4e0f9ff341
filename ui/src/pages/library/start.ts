/** The library with its texts: nothing of it is shown before they are there. */

import { libraryTextsReady } from "../../i18n/library";
import Library from "./Library.vue";

await libraryTextsReady;
export default Library;
