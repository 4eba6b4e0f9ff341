/** The texts of the pages behind the desk in one language, one file a topic; see `texts.ts`. */

import access from "./zh/access.json";
import partners from "./zh/partners.json";

export default { ...access, ...partners };
