/** Questions to the library as the page writes them: a first query, an address, a few lines of Python. */

import type { MineView } from "../api/library";

const PLAIN = /^[a-z_][a-z0-9_]*$/;
const MOST = 100;
export const PAGE_ROWS = 500;

const quoted = (name: string): string => (PLAIN.test(name) ? name : `"${name.replaceAll('"', '""')}"`);

type Given = Pick<MineView, "dataset" | "columns" | "count_floor">;

/** A query of everything that a share gives of a dataset; where only counts leave, with their column. */
export function starter(share: Given): string {
  const columns = share.columns.map((one) => quoted(one.name));
  if (share.count_floor !== null) columns.push("_count");
  return `SELECT ${columns.join(", ")}\nFROM ${quoted(share.dataset)}\nLIMIT ${MOST}`;
}

/** The address under which a program reads a dataset page by page. */
export function addressOf(origin: string, dataset: string, purpose: string): string {
  return `${origin}/api/v1/library/data/${encodeURIComponent(dataset)}?purpose=${encodeURIComponent(purpose)}`;
}

/** Purposes of all shares, each once, in their order. */
export function purposesOf(shares: readonly MineView[]): { id: string; title: MineView["purpose_title"] }[] {
  const found = new Map(shares.map((one) => [one.purpose, one.purpose_title]));
  return [...found].map(([id, title]) => ({ id, title }));
}

/** The name of a file that a reply carries, a safe one where it tells none. */
export function fileName(disposition: string | null, otherwise: string): string {
  return disposition?.match(/filename="([^"/\\]+)"/)?.[1] ?? otherwise;
}

const literal = (text: string): string => JSON.stringify(text);

/** Python that signs in, asks for the purpose, and holds the rows; only the standard library is needed. */
export function pythonOf(origin: string, user: string, share: Given & Pick<MineView, "purpose">): string {
  const query = starter(share).replaceAll("\n", " ");
  return [
    "import getpass, json, urllib.request",
    "from http.cookiejar import CookieJar",
    "",
    `HUB = ${literal(origin)}`,
    "hub = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))",
    "",
    "def post(path, told):",
    '    headers = {"Content-Type": "application/json", "Origin": HUB}',
    '    asked = urllib.request.Request(HUB + "/api/v1" + path, json.dumps(told).encode(), headers)',
    "    return json.load(hub.open(asked))",
    "",
    `post("/session", {"user": ${literal(user)}, "password": getpass.getpass()})`,
    `answer = post("/library/ask", {"purpose": ${literal(share.purpose)}, "sql": ${literal(query)}})`,
    'print([one["name"] for one in answer["columns"]], len(answer["rows"]), "rows")',
  ].join("\n");
}
