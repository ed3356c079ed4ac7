// Type a prompt, see the decision. Nothing is sent to a provider.

import { get, post, Refused } from "./api.js";
import { element, meter, panel, pill, table } from "./elements.js";
import { chain, quality, signals } from "./explanation.js";
import { ms, percent, usd, words } from "./format.js";
import { trouble } from "./notices.js";

const EXAMPLES = [
  "What is the capital of Australia?",
  "Translate to French: the meeting is moved to Thursday.",
  "Prove that the square root of 2 is irrational, then generalise to primes.",
  "Why does this deadlock? let a = m.lock(); let b = m.lock();",
];
const MOST_LABELS = 6;

/** Makes the view in its section; `load` learns which models and strategies there are. */
export function start(section, { onTold, onTrouble }) {
  const prompt = element("textarea", { id: "prompt", required: true, spellcheck: "false", placeholder: "Type a prompt", maxlength: "100000" });
  const strategy = element("select", { id: "strategy" }, element("option", { value: "" }, "as configured"));
  const model = element("select", { id: "model" }, element("option", { value: "auto" }, "auto"));
  const decide = element("button", { class: "primary" }, "Decide");
  const form = element("form", { class: "panel", on: { submit: (event) => { event.preventDefault(); explain(); } } },
    element("h1", {}, "Playground"),
    element("p", {}, "Which model would get this prompt, and why. Nothing is sent to a provider, and nothing is logged."),
    element("label", { for: "prompt" }, "Prompt"), prompt,
    element("div", { class: "row" },
      element("div", {}, element("label", { for: "strategy" }, "Strategy"), strategy),
      element("div", { hidden: true }, element("label", { for: "model" }, "Model or route"), model)),
    element("div", { class: "actions" }, decide, element("span", { class: "muted" }, "or Ctrl + Enter")),
    element("div", { class: "examples", role: "group", "aria-label": "Examples" }, EXAMPLES.map((text) =>
      element("button", { type: "button", on: { click: () => { prompt.value = text; explain(); } } }, text))));
  const answer = element("div", { class: "answer panel", role: "region", "aria-live": "polite", "aria-label": "The decision" }, invitation());
  section.append(element("div", { class: "try" }, form, answer));
  prompt.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
  });

  let asking = null;
  async function explain() {
    asking?.abort();
    asking = new AbortController();
    decide.disabled = true;
    try {
      const body = { prompt: prompt.value, model: model.value, ...(strategy.value ? { strategy: strategy.value } : {}) };
      answer.replaceChildren(...explained(await post("/ui/api/explain", body, asking.signal)));
    } catch (error) {
      if (error.name === "AbortError") return;
      answer.replaceChildren(trouble(error, explain));
      onTrouble(error);
    } finally {
      decide.disabled = false;
    }
  }

  async function load(signal) {
    try {
      const told = await get("/ui/api/models", {}, signal);
      offer(strategy, told.strategies);
      offer(model, told.routes ?? []);
      model.parentElement.hidden = model.options.length < 2;
      onTold(told);
    } catch (error) {
      if (error.name === "AbortError") return;
      if (error instanceof Refused) answer.replaceChildren(trouble(error, () => load(signal).catch(() => {})));
      throw error;
    }
  }
  return { load };
}

/** Keeps the first option, which is the default. */
function offer(select, names) {
  const chosen = select.value;
  const [first] = select.options;
  select.replaceChildren(first, ...names.filter((name) => name !== first.value).map((name) => element("option", { value: name }, words(name))));
  select.value = [...select.options].some((option) => option.value === chosen) ? chosen : first.value;
}

function invitation() {
  return element("p", { class: "muted" }, "The decision will stand here: the model, what was read from the prompt, and what every other model was thought to be worth.");
}

function explained({ decision, complexity_scores: complexity, chain: entries, considered, took_ms: took }) {
  return [
    element("div", { class: "verdict" },
      element("span", { class: "model" }, decision.model ?? "No model"),
      element("span", { class: "muted" }, `${usd(decision.estimated_cost_usd)} expected · decided in ${ms(took)}`)),
    element("div", { class: "explanation" },
      element("p", { class: "why" }, decision.reason),
      signals(decision),
      element("div", { class: "shares" },
        shares("Task", decision.task_scores),
        shares("Complexity", complexity)),
      element("h3", {}, "Chain"),
      chain(entries, decision.model),
      considered.length > 0 ? element("h3", {}, "Every model") : null,
      considered.length > 0 ? consideredTable(considered, decision.model) : null),
  ];
}

function shares(title, scores) {
  const ranked = Object.entries(scores ?? {}).sort((one, other) => other[1] - one[1]).slice(0, MOST_LABELS);
  if (ranked.length === 0) return null;
  return element("div", {}, element("h3", {}, title), ranked.map(([label, share]) =>
    element("div", { class: "bar" }, element("span", {}, words(label)), meter(share), element("span", {}, percent(share)))));
}

function consideredTable(considered, served) {
  return table({
    caption: "Every model: predicted quality, expected cost, and why it may not serve",
    rows: considered,
    rowClass: (row) => (row.outside ? "outside" : row.model === served ? "chosen" : null),
    columns: [
      { name: "Model", cell: (row) => row.model },
      { name: "Provider", cell: (row) => row.provider },
      { name: "Predicted quality", cell: (row) => quality(row.predicted_quality) },
      { name: "Expected cost", numeric: true, cell: (row) => usd(row.expected_cost_usd) },
      { name: "May serve", cell: (row) => (row.outside ? pill(row.outside, "warn") : "yes") },
    ],
  });
}
