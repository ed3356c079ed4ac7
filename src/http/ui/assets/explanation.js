// Why this model: the one way in which a decision is explained, in the list of those that were made and in the playground.

import { element, facts, meter, pill, table } from "./elements.js";
import { count, moment, ms, percent, probability, usd, words } from "./format.js";

const YES_NO = new Map([[true, "yes"], [false, "no"], [null, null]]);

/** What was read from the prompt. */
export function signals(decision) {
  const sure = (label, value) => (label === null || label === undefined ? null : `${words(label)}, ${percent(value)} sure`);
  return facts([
    ["Task", sure(decision.task, decision.task_confidence)],
    ["Complexity", decision.complexity ? `${words(decision.complexity)} (${probability(decision.complexity_score)} of 1)` : null],
    ["Seen the like", seen(decision)],
    ["Novelty", decision.novelty === null || decision.novelty === undefined ? null : `${probability(decision.novelty)} of 1`],
    ["Cut to fit", decision.truncated ? "yes" : null],
    ["Tier", decision.tier],
    ["Strategy", decision.strategy ?? "none: the model was named"],
  ]);
}

function seen({ known }) {
  if (known === null || known === undefined) return null;
  return known ? "yes" : element("span", { class: "pill warn" }, "no: routed upward");
}

/** The models in the order in which they are tried. */
export function chain(entries, served) {
  if (entries.length === 0) return element("p", { class: "muted" }, "No model was left to try.");
  const rows = entries.map((entry, index) => ({ ...entry, place: index + 1 }));
  return table({
    caption: "The models in the order in which they are tried",
    rows,
    rowClass: (row) => (row.model === served ? "chosen" : null),
    columns: [
      { name: "Model", cell: (row) => `${row.place}. ${row.model}` },
      { name: "Provider", cell: (row) => row.provider },
      { name: "Predicted quality", cell: (row) => quality(row.predicted_quality) },
      { name: "Expected cost", numeric: true, cell: (row) => usd(row.expected_cost_usd) },
      { name: "Why here", cell: (row) => row.reason },
    ],
  });
}

export function quality(value) {
  if (value === null || value === undefined) return probability(value);
  return element("span", { class: "measured" }, meter(value), probability(value));
}

/** A decision that was made and carried out. */
export function ofRecorded(decision) {
  return element("div", { class: "explanation" },
    element("h3", {}, "Why this model"),
    element("p", { class: "why" }, decision.reason || "The request named its model."),
    signals(decision),
    element("h3", {}, "Chain"),
    chain(decision.chain ?? [], decision.model),
    tries(decision),
    element("h3", {}, "Figures"),
    figures(decision));
}

function tries({ tries: made }) {
  if (!made || made.length === 0) return null;
  const entries = made.map((one, index) => element("li", {},
    element("span", {}, `${index + 1}. ${one.model} at ${one.provider}`),
    pill(words(one.outcome), isGood(one.outcome) ? "good" : "bad"),
    element("span", { class: "muted" }, ms(one.ms))));
  return element("div", {}, element("h3", {}, "Tries"), element("ol", { class: "tries" }, entries));
}

function isGood(outcome) {
  return outcome === "answered" || outcome === "ok";
}

function figures(decision) {
  const tokens = decision.input_tokens === null || decision.input_tokens === undefined ? null
    : `${count(decision.input_tokens)} in${decision.cached_input_tokens > 0 ? ` (${count(decision.cached_input_tokens)} cached)` : ""}, ${count(decision.output_tokens)} out`;
  const feedback = decision.feedback
    ? [decision.feedback.verdict, decision.feedback.score === null || decision.feedback.score === undefined ? null : `score ${probability(decision.feedback.score)}`].filter(Boolean).join(", ")
    : null;
  return facts([
    ["Cost", usd(decision.cost_usd)],
    ["Saved against the best", saved(decision)],
    ["Tokens", tokens],
    ["Latency", ms(decision.latency_ms)],
    ["Of which the router", ms(decision.overhead_ms)],
    ["Status", decision.status === null || decision.status === undefined ? null : String(decision.status)],
    ["Streamed", YES_NO.get(decision.stream ?? null)],
    ["Cache", decision.cache],
    ["Key", decision.caller || "none"],
    ["Feedback", feedback],
    ["Time", moment(decision.time_unix_ms)],
    ["Decision", element("span", { class: "mono" }, decision.id)],
  ]);
}

function saved({ cost_usd: cost, best_usd: best, best_model: model }) {
  if (typeof cost !== "number" || typeof best !== "number") return null;
  if (cost >= best) return `nothing: ${model ?? "the best model"} would have cost ${usd(best)}`;
  return `${usd(best - cost)} (${percent((best - cost) / best)}): ${model ?? "the best model"} would have cost ${usd(best)}`;
}
