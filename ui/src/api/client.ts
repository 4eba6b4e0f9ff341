/** Calls to the server. What goes wrong arrives as an ApiError whose message is already in the reader's language. */

export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly key: string,
    message: string,
  ) {
    super(message);
  }

  /** Somebody else moved this case or task since it was read. */
  get movedOn(): boolean {
    return this.status === 409;
  }
}

const BASE = "/api/v1";
let onSignedOut: () => void = () => undefined;
let language = "zh";

export function setLanguage(lang: string): void {
  language = lang;
}

export function whenSignedOut(act: () => void): void {
  onSignedOut = act;
}

/** Says why nothing may be written now; empty while it may. What is always allowed is the caller's to know. */
let refuses: (method: string, path: string) => string = () => "";

export function guardWrites(why: (method: string, path: string) => string): void {
  refuses = why;
}

export function call<T>(method: string, path: string, body?: unknown): Promise<T> {
  return body === undefined ? ask(method, path) : ask(method, path, JSON.stringify(body), "application/json");
}

/** How a body is sent: what takes longer is given up and may be sent again; `anyTime`: also while a past minute is
 * shown, since it is about now. */
export interface How {
  withinMs?: number;
  anyTime?: boolean;
}

/** Sends a body as it is: JSON that was written before, or a photo. */
export const postRaw = <T>(path: string, body: string | Blob, type: string, how: How = {}): Promise<T> =>
  ask("POST", path, body, type, how);

/** Puts a file in the place of what stands there. */
export const putRaw = <T>(path: string, body: string | Blob, type: string): Promise<T> => ask("PUT", path, body, type);

async function ask<T>(method: string, path: string, body?: string | Blob, type = "", how: How = {}): Promise<T> {
  const response = await send(method, path, body, type, "application/json", how);
  if (response.status === 204) return undefined as T;
  return read(await textOf(response), response.status) as T;
}

/** Reads an answer; a line that is cut in the middle of it is a line that is cut. */
async function textOf(response: Response): Promise<string> {
  try {
    return await response.text();
  } catch {
    throw new ApiError(0, "ui.unreachable", "");
  }
}

/** Reads a text as it is, such as a contract in YAML. */
export const getText = async (path: string): Promise<string> => textOf(await send("GET", path, undefined, "", "*/*"));

/** Asks for a file; its name and what else is said of it stand in the headers of the reply. */
export const postForFile = (path: string, body: unknown): Promise<Response> =>
  send("POST", path, JSON.stringify(body), "application/json", "*/*");

async function send(
  method: string,
  path: string,
  body?: string | Blob,
  type = "",
  wanted = "application/json",
  how: How = {},
): Promise<Response> {
  const refused = method === "GET" || how.anyTime ? "" : refuses(method, path);
  if (refused) throw new ApiError(0, "ui.read_only", refused);
  let response: Response;
  try {
    response = await fetch(BASE + path, {
      method,
      credentials: "same-origin",
      headers: {
        Accept: wanted,
        "Accept-Language": language,
        ...(body === undefined ? {} : { "Content-Type": type }),
      },
      ...(body === undefined ? {} : { body }),
      ...(how.withinMs === undefined ? {} : { signal: AbortSignal.timeout(how.withinMs) }),
    });
  } catch {
    throw new ApiError(0, "ui.unreachable", "");
  }
  if (response.ok) return response;
  const problem = (read(await textOf(response), response.status) ?? {}) as { key?: string; message?: string };
  const error = new ApiError(response.status, problem.key ?? "ui.failed", problem.message ?? "");
  if (response.status === 401 && path !== "/session") onSignedOut();
  throw error;
}

function read(text: string, status: number): unknown {
  try {
    return text === "" ? null : JSON.parse(text);
  } catch {
    throw new ApiError(status, "ui.unreadable", "");
  }
}

export const get = <T>(path: string): Promise<T> => call<T>("GET", path);
export const post = <T>(path: string, body?: unknown): Promise<T> => call<T>("POST", path, body ?? {});
export const remove = <T>(path: string): Promise<T> => call<T>("DELETE", path);
