/** The texts of the pages behind the desk in one language, one file a topic; see `texts.ts`. */

import access from "./en/access.json";
import partners from "./en/partners.json";

export default { ...access, ...partners };
