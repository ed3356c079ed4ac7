// What was asked and who got it: the heat map of tasks and models, and how sure the router was.

import { element, panel, segments, table } from "./elements.js";
import { figure } from "./figures.js";
import { compact, count, percentOf, probability, usd, words } from "./format.js";
import { each } from "./traffic.js";

/** Tasks against models: how many requests, or what one of them costs. */
export function heat() {
  const box = element("div", { class: "waits", style: { "--waits": "260px" } });
  let measure = "requests";
  let shown = null;
  const choice = segments({
    label: "What the heat map shows",
    kind: "small",
    chosen: measure,
    options: [["requests", "Requests"], ["cost", "Cost each"]],
    onChoose: (chosen) => {
      measure = chosen;
      if (shown) paint(shown);
    },
  });
  const whole = panel({ title: "Tasks and models", note: "which model served what", aside: choice }, box);

  function paint({ heat: cells }) {
    if (cells.length === 0) {
      box.replaceChildren(element("p", { class: "muted" }, "No routed request yet: those that name their model are not read."));
      return;
    }
    box.replaceChildren(heatTable(cells, measure));
  }
  return {
    element: whole,
    show(overview) {
      shown = overview;
      paint(overview);
    },
  };
}

function heatTable(cells, measure) {
  const [tasks, models] = [ranked(cells, "task"), ranked(cells, "model")];
  const found = new Map(cells.map((cell) => [JSON.stringify([cell.task, cell.model]), cell]));
  const of = (task, model) => found.get(JSON.stringify([task, model]));
  const sizeOf = (cell) => (measure === "requests" ? cell.requests : cell.cost_usd / Math.max(1, cell.requests));
  const most = Math.max(...cells.map(sizeOf), Number.MIN_VALUE);
  const cellOf = (task, model) => {
    const cell = of(task, model);
    if (!cell || cell.requests === 0) return element("td", { class: "none" }, "·");
    // The root, because a few pairs have most of the requests and the rest would all look alike.
    const share = Math.sqrt(sizeOf(cell) / most);
    const text = measure === "requests" ? compact(cell.requests) : each(cell.cost_usd, cell.requests);
    const title = `${words(task)}, ${model}: ${count(cell.requests)} requests, ${usd(cell.cost_usd)}`;
    return element("td", { title, style: { "--share": share.toFixed(3) } }, text);
  };
  return table({
    caption: measure === "requests" ? "Requests by task and model" : "Cost of a request by task and model",
    kind: "heat",
    rows: tasks,
    columns: [
      { name: "Task", cell: (task) => words(task) },
      ...models.map((model) => ({ name: model, numeric: true, cell: (task) => cellOf(task, model) })),
    ],
  });
}

/** The labels of a side, those with the most requests first. */
function ranked(cells, side) {
  const sums = new Map();
  for (const cell of cells) sums.set(cell[side], (sums.get(cell[side]) ?? 0) + cell.requests);
  return [...sums.entries()].sort((one, other) => other[1] - one[1]).map(([label]) => label);
}

/** A histogram over 0..1. */
export function distribution({ title, note, field, axis }) {
  const chart = figure({ title, note, size: "third", height: 160 });
  function show(overview) {
    const bins = overview[field];
    const total = bins.reduce((sum, bin) => sum + bin.requests, 0);
    chart.show({
      kind: "bar",
      labels: bins.map((bin) => probability(bin.from)),
      title: (index) => `${axis} ${probability(bins[index].from)} to ${probability(bins[index].to)}`,
      series: [{ name: "Requests", values: bins.map((bin) => bin.requests), colour: "accent" }],
      write: (value) => `${count(value)} (${percentOf(value, total)})`,
      writeShort: compact,
      summary: `${count(total)} requests; the middle one lies at ${probability(middle(bins, total))}.`,
      firstColumn: axis,
      nothing: "No routed request in this range",
    });
  }
  return { element: chart.element, show };
}

/** The bin that holds the median, by its middle. */
function middle(bins, total) {
  let before = 0;
  const found = bins.find((bin) => (before += bin.requests) * 2 >= total);
  return found ? (found.from + found.to) / 2 : null;
}

const SCALE = ["low", "medium", "high", "critical"];

export function complexity() {
  const chart = figure({ title: "Complexity", note: "as the router read it", size: "third", height: 160 });
  function show(overview) {
    // The built-in scale has an order; labels of the user's own come as they are sent.
    const rank = (row) => (SCALE.includes(row.complexity) ? SCALE.indexOf(row.complexity) : SCALE.length);
    const rows = [...overview.complexity].sort((one, other) => rank(one) - rank(other));
    const total = rows.reduce((sum, row) => sum + row.requests, 0);
    chart.show({
      kind: "bar",
      labels: rows.map((row) => words(row.complexity)),
      title: (index) => `Complexity ${words(rows[index].complexity)}`,
      series: [{ name: "Requests", values: rows.map((row) => row.requests), colour: "accent" }],
      write: (value) => `${count(value)} (${percentOf(value, total)})`,
      writeShort: compact,
      summary: rows.map((row) => `${words(row.complexity)} ${percentOf(row.requests, total)}`).join(", ") + ".",
      firstColumn: "Complexity",
      nothing: "No routed request in this range",
    });
  }
  return { element: chart.element, show };
}
