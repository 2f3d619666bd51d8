// Requests to the daemon that served this page; the browser's cookie says who asks.

/** What the daemon refused: RFC 9457 with `code` and `hint`. */
export class Problem extends Error {
  constructor(status, document) {
    super(document.detail || document.title || `the daemon answered ${status}`);
    this.status = status;
    this.code = document.code ?? "";
    this.hint = document.hint ?? "";
    this.pointer = document.pointer ?? "";
  }
}

/** Nobody answers. */
export class Unreachable extends Error {
  constructor() {
    super("the daemon does not answer");
    this.code = "unreachable";
    this.hint = "it may be restarting; this page goes on by itself";
  }
}

/** Fires `logged-out` when a session has ended. */
export const door = new EventTarget();

/**
 * Ask for `path` and return the answer's JSON, null if it has no body.
 * @param {{body?: object, query?: object, signal?: AbortSignal, headers?: object}} more
 *   Empty values of `query` are left out; an array gives its parameter several times.
 * @throws {Problem|Unreachable} and AbortError.
 */
export async function ask(method, path, more = {}) {
  const response = await send(method, path + parameters(more.query), more);
  if (response.status === 204) return null;
  const isJson = (response.headers.get("Content-Type") ?? "").includes("json");
  const answer = isJson ? await response.json() : await response.text();
  if (response.ok) return answer;
  const problem = new Problem(response.status, isJson ? answer : { title: response.statusText });
  if (problem.status === 401 && problem.code !== "login-refused") door.dispatchEvent(new Event("logged-out"));
  throw problem;
}

/** Ask for `path` and return the response as it is; 304, 416 and the like are the caller's. */
export async function raw(path, more = {}) {
  return send("GET", path + parameters(more.query), more);
}

/** Return `{ready, reasons, notices}`; a daemon that is not ready answers too. */
export async function readiness() {
  return (await raw("/readyz")).json();
}

export const get = (path, query, signal) => ask("GET", path, { query, signal });
export const post = (path, body) => ask("POST", path, { body: body ?? {}, headers: { "Idempotency-Key": crypto.randomUUID?.() ?? String(Math.random()) } });

/** Return `?name=value&…` of what is not empty in `query`, or nothing. */
export function parameters(query) {
  const pairs = new URLSearchParams();
  for (const [name, value] of Object.entries(query ?? {})) {
    for (const one of Array.isArray(value) ? value : [value]) {
      if (one !== null && one !== undefined && one !== "" && one !== false) pairs.append(name, one);
    }
  }
  const text = pairs.toString();
  return text ? `?${text}` : "";
}

async function send(method, path, { body, signal, headers }) {
  const init = { method, signal, headers: { ...headers }, credentials: "same-origin", cache: "no-store" };
  if (body !== undefined) {
    init.body = JSON.stringify(body);
    init.headers["Content-Type"] = "application/json";
  }
  try {
    return await fetch(path, init);
  } catch (error) {
    throw error.name === "AbortError" ? error : new Unreachable();
  }
}
