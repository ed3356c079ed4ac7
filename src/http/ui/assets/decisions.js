// The live list of decisions, newest first. Bounded: what is far down makes room for what comes.

import { get, Refused } from "./api.js";
import * as choices from "./choices.js";
import { COLUMNS, row } from "./decision_row.js";
import { element } from "./elements.js";
import { noDecisions, nothingChosen, staleBanner, trouble } from "./notices.js";

const PAGE = 50;
const MOST_ROWS = 500;
const NUMERIC = new Set(["Cost", "Saved", "Latency"]);

/** Makes the view in its section. `load` begins anew, `follow` asks for what has come since. */
export function start(section) {
  const live = element("button", { type: "button", class: "live", "aria-pressed": "true" }, "Live");
  const count = element("span", { class: "unseen", role: "status" });
  const rows = element("ol", { "aria-label": "Decisions, newest first" });
  const older = element("button", { type: "button" }, "Show older ones");
  const foot = element("div", { class: "tail-foot", hidden: true }, older);
  const above = element("div");
  const list = element("div", { class: "tail", hidden: true },
    element("div", { class: "tail-columns", "aria-hidden": "true" }, COLUMNS.map((name) => element("span", { class: NUMERIC.has(name) ? "numeric" : null }, name))),
    rows, foot);
  section.append(
    element("div", { class: "tail-head" }, element("h1", {}, "Decisions"),
      element("span", { class: "hint" }, "Open one to see why it got its model. Arrow keys move, Enter opens, Esc closes."), live, count),
    above, list);

  let latest = null;
  let next = null;
  const seen = new Set();

  live.addEventListener("click", () => live.setAttribute("aria-pressed", String(live.getAttribute("aria-pressed") !== "true")));
  rows.addEventListener("keydown", (event) => walk(rows, event));
  // One row is in the order of tabs, the others are reached by arrows: fifty stops would be a wall.
  rows.addEventListener("focusin", (event) => {
    if (event.target.matches(".decision > button")) makeTabStop(rows, event.target);
  });
  older.addEventListener("click", async () => {
    older.disabled = true;
    try {
      const page = await ask({ before: next });
      const firstNew = append(page.decisions);
      next = page.next;
      foot.hidden = next === null;
      firstNew?.querySelector("button").focus();
    } catch (error) {
      above.replaceChildren(staleBanner(error, () => older.click()));
    } finally {
      older.disabled = false;
    }
  });

  function ask(parameters, signal) {
    return get("/ui/api/decisions", { limit: PAGE, caller: choices.caller(), ...parameters }, signal);
  }

  async function load(signal) {
    try {
      const page = await ask({}, signal);
      seen.clear();
      rows.replaceChildren();
      append(page.decisions);
      latest = page.latest;
      next = page.next;
      showWhole();
    } catch (error) {
      if (error.name === "AbortError") return;
      fail(error, () => load(signal).catch(() => {}));
      throw error;
    }
  }

  async function follow(signal) {
    if (live.getAttribute("aria-pressed") !== "true") return;
    // Without a first answer there is nothing to follow yet.
    if (latest === null && rows.childElementCount === 0) return load(signal);
    try {
      const page = await ask({ after: latest }, signal);
      // More came than an answer holds, so that putting it on top would leave a gap. Whoever is reading is not interrupted.
      const isReading = rows.querySelector("[aria-expanded='true']") !== null;
      live.textContent = page.next !== null && isReading ? `Live, more than ${PAGE} wait` : "Live";
      if (page.next !== null) return isReading ? undefined : load(signal);
      const fresh = page.decisions.filter((decision) => !seen.has(decision.id));
      rows.prepend(...fresh.map((decision) => remember(decision, true)));
      latest = page.latest ?? latest;
      while (rows.childElementCount > MOST_ROWS) drop(rows.lastElementChild);
      if (fresh.length > 0) count.textContent = fresh.length === 1 ? "One new decision" : `${fresh.length} new decisions`;
      showWhole();
    } catch (error) {
      if (error.name === "AbortError") return;
      fail(error, () => follow(signal).catch(() => {}));
      throw error;
    }
  }

  function append(decisions) {
    const made = decisions.filter((decision) => !seen.has(decision.id)).map((decision) => remember(decision, false));
    rows.append(...made);
    return made[0];
  }

  function remember(decision, isFresh) {
    seen.add(decision.id);
    const made = row(decision, { isFresh });
    made.dataset.decision = decision.id;
    return made;
  }

  function drop(oldest) {
    seen.delete(oldest.dataset.decision);
    oldest.remove();
    // What was dropped could only be asked for again from the top.
    next = null;
  }

  function showWhole() {
    const isEmpty = rows.childElementCount === 0;
    above.replaceChildren(...(isEmpty ? [choices.caller() === null ? noDecisions() : nothingChosen()] : []));
    list.hidden = isEmpty;
    foot.hidden = next === null;
    if (!isEmpty && !rows.querySelector("[tabindex='0']")) makeTabStop(rows, rows.querySelector(".decision > button"));
  }

  function fail(error, retry) {
    const keeps = rows.childElementCount > 0 && !(error instanceof Refused);
    above.replaceChildren(keeps ? staleBanner(error, retry) : trouble(error, retry));
    list.hidden = !keeps;
  }

  return { load, follow };
}

function makeTabStop(rows, button) {
  for (const other of rows.querySelectorAll(".decision > [tabindex='0']")) other.setAttribute("tabindex", "-1");
  button.setAttribute("tabindex", "0");
}

function walk(rows, event) {
  const button = event.target.closest?.(".decision > button");
  if (!button) return;
  const all = [...rows.querySelectorAll(".decision > button")];
  const at = all.indexOf(button);
  const next = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: all.length - 1 }[event.key];
  if (next === undefined || !all[next]) return;
  event.preventDefault();
  all[next].focus();
}
