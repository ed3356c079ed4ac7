// How the providers did, and what each model was asked.

import { element, panel, pill, table } from "./elements.js";
import { compact, count, percentOf, usd, words } from "./format.js";
import { each } from "./traffic.js";

/** From here on a provider's failures are worth a colour. */
const WORRYING_SHARE = 0.05;

export function providers() {
  const box = element("div", { class: "waits", style: { "--waits": "150px" } });
  const whole = panel({ title: "Providers", note: "tries, failures and where they were left for another", size: "half" }, box);

  function show({ providers: rows }) {
    if (rows.length === 0) {
      box.replaceChildren(element("p", { class: "muted" }, "No provider was asked in this range."));
      return;
    }
    box.replaceChildren(table({
      caption: "Tries and errors by provider",
      rows: [...rows].sort((one, other) => other.tries - one.tries),
      columns: [
        { name: "Provider", cell: (row) => row.provider },
        { name: "Tries", numeric: true, cell: (row) => compact(row.tries) },
        { name: "Failed", numeric: true, cell: failures },
        { name: "Fallbacks", numeric: true, cell: (row) => count(row.fallbacks_away) },
        { name: "Errors", cell: errors },
      ],
    }));
  }
  return { element: whole, show };
}

function failures({ failed, tries }) {
  const isWorrying = tries > 0 && failed / tries >= WORRYING_SHARE;
  return element("span", { class: isWorrying ? "bad" : "" }, `${count(failed)} (${percentOf(failed, tries)})`);
}

function errors({ errors: kinds }) {
  const found = Object.entries(kinds ?? {}).sort((one, other) => other[1] - one[1]);
  if (found.length === 0) return pill("none");
  return element("span", { class: "pills" }, found.map(([kind, times]) => pill(`${words(kind)} ${count(times)}`, "bad")));
}

export function models() {
  const box = element("div", { class: "waits", style: { "--waits": "150px" } });
  const whole = panel({ title: "Models", note: "that served", size: "half" }, box);

  function show({ models: rows }) {
    if (rows.length === 0) {
      box.replaceChildren(element("p", { class: "muted" }, "No model served in this range."));
      return;
    }
    box.replaceChildren(table({
      caption: "Requests and cost by model",
      rows: [...rows].sort((one, other) => other.requests - one.requests),
      columns: [
        { name: "Model", cell: (row) => element("span", {}, row.model, " ", element("span", { class: "muted" }, row.provider)) },
        { name: "Requests", numeric: true, cell: (row) => compact(row.requests) },
        { name: "Failed", numeric: true, cell: (row) => count(row.failed) },
        { name: "Tokens in / out", numeric: true, cell: (row) => `${compact(row.input_tokens)} / ${compact(row.output_tokens)}` },
        { name: "Cost", numeric: true, cell: (row) => usd(row.cost_usd) },
        { name: "Each", numeric: true, cell: (row) => each(row.cost_usd, row.requests) },
      ],
    }));
  }
  return { element: whole, show };
}
