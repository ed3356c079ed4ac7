// Asks the server. The key lives in the tab's session storage and travels in a header, never in an address.

const STORED_KEY = "semroute.key";

/** The server answered, and refused. */
export class Refused extends Error {
  constructor(status, code, message) {
    super(message);
    this.status = status;
    this.code = code;
  }

  /** Whether another key may help. */
  get asksForKey() {
    return this.status === 401 || this.code === "admin_only";
  }
}

/** Nobody answered, or what answered is not the server. */
export class Unreachable extends Error {}

export const key = {
  get: () => sessionStorage.getItem(STORED_KEY),
  set: (value) => sessionStorage.setItem(STORED_KEY, value),
  forget: () => sessionStorage.removeItem(STORED_KEY),
};

/** `parameters` that are null are left out. */
export function get(path, parameters, signal) {
  const known = Object.entries(parameters ?? {}).filter(([, value]) => value !== null && value !== undefined);
  const query = new URLSearchParams(known);
  return ask(query.size > 0 ? `${path}?${query}` : path, { signal });
}

export function post(path, body, signal) {
  return ask(path, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body), signal });
}

async function ask(path, options) {
  const headers = new Headers(options.headers);
  const presented = key.get();
  if (presented) headers.set("authorization", `Bearer ${presented}`);
  let response;
  try {
    response = await fetch(path, { ...options, headers, cache: "no-store", credentials: "omit", redirect: "error" });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Unreachable("the server does not answer");
  }
  const text = await response.text().catch((error) => {
    if (error.name === "AbortError") throw error;
    return "";
  });
  const body = parsed(text);
  if (!response.ok) {
    const told = body?.error;
    throw new Refused(response.status, told?.code ?? null, told?.message ?? `the server answered ${response.status}`);
  }
  if (body === undefined) throw new Unreachable("the answer cannot be read");
  return body;
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
