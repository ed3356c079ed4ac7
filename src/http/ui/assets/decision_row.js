// One decision in the list: a line that opens into its explanation.

import { element, pill } from "./elements.js";
import { ofRecorded } from "./explanation.js";
import { moment, ms, shortMoment, usd, words } from "./format.js";

const OUTCOMES = {
  answered: ["answered", "good"],
  failed: ["failed", "bad"],
  broken: ["broke off", "bad"],
  refused: ["refused", "warn"],
  client_left: ["client left", ""],
};

/** The heads of the columns, in the order of `row`. */
export const COLUMNS = ["Time", "Model", "Task", "Key", "Cost", "Saved", "Latency", "Outcome"];

export function row(decision, { isFresh }) {
  const id = `decision-${decision.id}`;
  const [outcome, kind] = OUTCOMES[decision.outcome] ?? [words(decision.outcome), ""];
  const task = decision.task === null || decision.task === undefined ? "named by the client" : `${words(decision.task)} · ${words(decision.complexity)}`;
  const part = (name, text, title) => element("span", { class: name, title }, text);
  const button = element("button", { type: "button", "aria-expanded": "false", "aria-controls": id, tabindex: "-1" },
    part("time", shortMoment(decision.time_unix_ms), moment(decision.time_unix_ms)),
    part("model", decision.model ?? "none", decision.model),
    part("kind", decision.known === false ? `${task} · abstained` : task, null),
    part("caller", decision.caller || "no key", decision.caller),
    part("cost numeric", usd(decision.cost_usd)),
    part("saved numeric", savedText(decision)),
    part("latency numeric", ms(decision.latency_ms)),
    element("span", { class: "outcome" }, pill(decision.attempts > 1 && decision.outcome === "answered" ? `after ${decision.attempts} tries` : outcome, decision.attempts > 1 && kind === "good" ? "warn" : kind)));
  const detail = element("div", { id, hidden: true, role: "region", "aria-label": "Why this model" });
  const whole = element("li", { class: `decision ${isFresh ? "fresh" : ""}` }, button, detail);

  const open = (isOpen) => {
    button.setAttribute("aria-expanded", String(isOpen));
    detail.hidden = !isOpen;
    if (isOpen && detail.childElementCount === 0) detail.append(ofRecorded(decision));
  };
  button.addEventListener("click", () => open(detail.hidden));
  whole.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || detail.hidden) return;
    open(false);
    button.focus();
  });
  return whole;
}

function savedText({ cost_usd: cost, best_usd: best }) {
  return typeof cost === "number" && typeof best === "number" && best > cost ? usd(best - cost) : usd(null);
}
