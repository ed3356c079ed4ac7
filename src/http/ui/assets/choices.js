// What the reader chose to look at: the range of time and the key. Stands in the address, so that a view can be shared; the reader's own key
// never does.

import { element, segments } from "./elements.js";
import { DAY_MS, HOUR_MS } from "./format.js";

const SPANS = { "1h": HOUR_MS, "24h": DAY_MS, "7d": 7 * DAY_MS, "30d": 30 * DAY_MS };
const DEFAULT = "24h";
/** An option's value for "nobody chosen"; a key's name may be empty, and an option needs a text. */
const EVERYBODY = "everybody";
const NAMED = "key:";

const chosen = { range: DEFAULT, from: null, to: null, caller: null };
let announce = () => {};
let callerSelect = null;

/** Whether time goes on in it, so that looking again shows more. */
export function isRunning() {
  return chosen.range !== "custom";
}

/** What the API is asked with. */
export function parameters(now = Date.now()) {
  const span = SPANS[chosen.range];
  const [from, to] = span ? [now - span, now] : [chosen.from, chosen.to];
  return { from_ms: from, to_ms: to, caller: chosen.caller };
}

export function caller() {
  return chosen.caller;
}

/** Draws the controls; `onChange` is called after each choice. */
export function start(container, onChange) {
  announce = onChange;
  read();
  const customRange = customControls();
  const ranges = segments({
    label: "Range of time",
    options: [...Object.keys(SPANS).map((name) => [name, name]), ["custom", "Custom"]],
    chosen: chosen.range,
    onChoose: (range) => {
      customRange.hidden = range !== "custom";
      if (range === "custom") customRange.querySelector("input").focus();
      else choose({ range, from: null, to: null });
    },
  });
  callerSelect = element("select", {
    id: "caller",
    on: {
      change: () => {
        const value = callerSelect.value;
        choose({ caller: value.startsWith(NAMED) ? value.slice(NAMED.length) : null });
      },
    },
  });
  offerCallers([]);
  container.append(element("div", { class: "ranges" }, ranges, customRange), element("div", { class: "filter" }, element("label", { for: "caller" }, "Key"), callerSelect));
}

/** The keys that may be chosen, as the server knows them. */
export function offerCallers(names) {
  const all = new Set(names.filter((name) => name !== ""));
  if (chosen.caller) all.add(chosen.caller);
  const options = [
    element("option", { value: EVERYBODY }, "All keys"),
    ...[...all].sort().map((name) => element("option", { value: NAMED + name }, name)),
    element("option", { value: NAMED }, "Requests without a key"),
  ];
  callerSelect.replaceChildren(...options);
  callerSelect.value = chosen.caller === null ? EVERYBODY : NAMED + chosen.caller;
}

function choose(changes) {
  Object.assign(chosen, changes);
  write();
  announce();
}

function customControls() {
  const from = element("input", { type: "datetime-local", required: true, value: localInput(chosen.from) });
  const to = element("input", { type: "datetime-local", required: true, value: localInput(chosen.to) });
  const apply = (event) => {
    event.preventDefault();
    const [begin, end] = [Date.parse(from.value), Date.parse(to.value)];
    to.setCustomValidity(begin < end ? "" : "The end must come after the beginning.");
    if (to.reportValidity()) choose({ range: "custom", from: begin, to: end });
  };
  to.addEventListener("input", () => to.setCustomValidity(""));
  return element("form", { class: "custom-range", hidden: chosen.range !== "custom", on: { submit: apply } },
    element("label", {}, "From", from), element("label", {}, "To", to), element("button", {}, "Show"));
}

/** A time as a `datetime-local` field writes it. */
function localInput(unixMs) {
  if (unixMs === null) return null;
  const shifted = new Date(unixMs - new Date(unixMs).getTimezoneOffset() * 60_000);
  return shifted.toISOString().slice(0, 16);
}

function read() {
  const query = new URLSearchParams(location.search);
  const [from, to] = ["from", "to"].map((name) => Number.parseInt(query.get(name), 10));
  if (from < to) Object.assign(chosen, { range: "custom", from, to });
  else if (SPANS[query.get("range")]) chosen.range = query.get("range");
  if (query.has("key")) chosen.caller = query.get("key").slice(0, 200);
}

function write() {
  const query = new URLSearchParams();
  if (chosen.range === "custom") {
    query.set("from", chosen.from);
    query.set("to", chosen.to);
  } else if (chosen.range !== DEFAULT) {
    query.set("range", chosen.range);
  }
  if (chosen.caller !== null) query.set("key", chosen.caller);
  history.replaceState(null, "", `${location.pathname}${query.size > 0 ? `?${query}` : ""}${location.hash}`);
}
