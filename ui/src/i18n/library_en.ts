/** The texts of the library in one language, one file a topic; see `library_texts.ts`. */

import library from "./en/library.json";
import ask from "./en/library_ask.json";
import back from "./en/library_back.json";
import basket from "./en/library_basket.json";
import contract from "./en/library_contract.json";
import desk from "./en/library_desk.json";
import govern from "./en/library_govern.json";
import send from "./en/library_send.json";
import urgent from "./en/library_urgent.json";
import shelf from "./en/library_shelf.json";

export default {
  ...library,
  ...shelf,
  ...basket,
  ...back,
  ...ask,
  ...desk,
  ...govern,
  ...send,
  ...urgent,
  ...contract,
};
