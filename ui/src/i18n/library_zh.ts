/** The texts of the library in one language, one file a topic; see `library_texts.ts`. */

import library from "./zh/library.json";
import ask from "./zh/library_ask.json";
import back from "./zh/library_back.json";
import basket from "./zh/library_basket.json";
import contract from "./zh/library_contract.json";
import desk from "./zh/library_desk.json";
import govern from "./zh/library_govern.json";
import send from "./zh/library_send.json";
import urgent from "./zh/library_urgent.json";
import shelf from "./zh/library_shelf.json";

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
