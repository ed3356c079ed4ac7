// What was spent, and what the same requests would have cost: with the best model each time, and with each single model.

import { isNarrow } from "./charts.js";
import { element, meter, panel, table } from "./elements.js";
import { figure } from "./figures.js";
import { bucketSpan, bucketStart, count, percent, shortUsd, usd } from "./format.js";

/** The first thing to read: saved, of what, and how it grew. */
export function headline() {
  const saved = element("p", { class: "saved" }, "$0.00");
  const against = element("p", { class: "against" }, "of what the best model would have cost");
  const details = element("dl");
  const aside = element("p", { class: "aside" });
  const words = element("div", { class: "waits" }, element("p", { class: "label" }, "Saved by routing"), saved, against, details, aside);
  const chart = figure({ title: "Spent and always-best", note: "added up over the range", height: 218, bare: true });
  const whole = element("section", { class: "panel headline", "aria-label": "Savings" }, words, chart.element);

  function show({ savings, totals, series, bucket_ms: bucketMs }) {
    const share = savings.always_best_usd > 0 ? savings.saved_usd / savings.always_best_usd : null;
    saved.textContent = usd(savings.saved_usd);
    against.textContent = share === null
      ? "No routed answer with a known price yet"
      : share >= 0 ? `${percent(share)} below always asking the best model` : `${percent(-share)} above always asking the best model`;
    const pairs = [
      ["Spent on routed requests", usd(savings.spent_usd)],
      ["Always the best model", usd(savings.always_best_usd)],
      ["Spent on everything", usd(totals.known_cost_usd)],
    ];
    details.replaceChildren(...pairs.flatMap(([term, value]) => [element("dt", {}, term), element("dd", {}, value)]));
    aside.textContent = `Compared over ${count(savings.requests)} routed and answered requests with a known price.`
      + (totals.unknown_cost_requests > 0 ? ` ${count(totals.unknown_cost_requests)} requests have no known price and are in no sum.` : "");
    chart.show(growth(series, bucketMs));
  }
  return { element: whole, show };
}

function growth(series, bucketMs) {
  const addUp = (field) => {
    let sum = 0;
    return series.map((bucket) => (sum += bucket[field] ?? 0));
  };
  const span = series.length * bucketMs;
  const [spent, alwaysBest] = [addUp("cost_usd"), addUp("always_best_usd")];
  return {
    kind: "line",
    labels: series.map((bucket) => bucketStart(bucket.t_ms, bucketMs, span)),
    title: (index) => bucketSpan(series[index].t_ms, bucketMs),
    series: [
      { name: "Spent", values: spent, colour: "accent" },
      { name: "Always best", values: alwaysBest, colour: "grey", dashed: true, filledTo: 0 },
    ],
    write: usd,
    writeShort: shortUsd,
    summary: `${usd(spent.at(-1))} were spent where always asking the best model would have cost ${usd(alwaysBest.at(-1))}.`,
  };
}

/** Each single model instead of the router. */
export function byModel() {
  const box = element("div", { class: "waits", style: { "--waits": "204px" } });
  const whole = panel({ title: "Against each single model", note: "the same requests, all sent to one model" }, box);

  function show({ savings }) {
    const rows = [...savings.by_model].sort((one, other) => other.would_cost_usd - one.would_cost_usd);
    if (rows.length === 0) {
      box.replaceChildren(element("p", { class: "muted" }, "No model’s price is known for these requests. State input_usd_per_mtok and output_usd_per_mtok at the models."));
      return;
    }
    const most = Math.max(...rows.flatMap((row) => [row.would_cost_usd, row.spent_usd]));
    const bars = (row) => element("span", { class: "measured" },
      element("span", { class: "pair" }, meter(row.spent_usd / most), meter(row.would_cost_usd / most, "grey")));
    box.replaceChildren(table({
      caption: "What the same requests would have cost with each model",
      rows,
      columns: [
        { name: "All to", cell: (row) => row.model },
        { name: "Requests", numeric: true, cell: (row) => count(row.requests) },
        { name: "Would have cost", numeric: true, cell: (row) => usd(row.would_cost_usd) },
        { name: "Was spent", numeric: true, cell: (row) => usd(row.spent_usd) },
        ...(isNarrow() ? [] : [{ name: "Spent, and would have been", cell: bars }]),
        { name: "Saved", numeric: true, cell: (row) => difference(row) },
      ],
    }));
  }
  return { element: whole, show };
}

/** A model that is cheaper than the router's choices would have saved; that is said as plainly. */
function difference({ saved_usd: saved, would_cost_usd: wouldCost }) {
  const share = wouldCost > 0 && saved > 0 ? ` (${percent(saved / wouldCost)})` : "";
  return element("span", { class: saved < 0 ? "muted" : "" }, `${usd(saved)}${share}`);
}
