// The one place that knows Chart.js: turns a description (labels, series, how to write a value) into its configuration, in our colours, and
// lets the arrow keys walk where the mouse would.

import { colour } from "./appearance.js";

const NARROW_PX = 720;
/** So few that each is written. */
const FEW_LABELS = 6;

/** A line down through what is pointed at. */
const pointer = {
  id: "pointer",
  afterDatasetsDraw(chart) {
    const active = chart.tooltip?.getActiveElements() ?? [];
    if (active.length === 0 || chart.config.type !== "line") return;
    const { ctx, chartArea } = chart;
    ctx.save();
    ctx.strokeStyle = colour("grey");
    ctx.lineWidth = 1;
    ctx.beginPath();
    ctx.moveTo(active[0].element.x, chartArea.top);
    ctx.lineTo(active[0].element.x, chartArea.bottom);
    ctx.stroke();
    ctx.restore();
  },
};

/**
 * `kind` is "line" or "bar". A series has `name`, `values` (null: unknown), `colour` (a name of theme.css), and may be `dashed` or `filledTo`
 * (another series' place; the room between is the accent's). `write` makes a value's text, `writeShort` the axis's; `title` names the place of an index.
 */
export function draw(canvas, description) {
  const Chart = globalThis.Chart;
  // The canvas stays and its chart is made anew: descriptions differ in more than their numbers, and nothing moves while that happens.
  Chart.getChart(canvas)?.destroy();
  return new Chart(canvas, configuration(description));
}

export function erase(canvas) {
  globalThis.Chart.getChart(canvas)?.destroy();
}

function configuration(description) {
  const { kind, labels, series, write, writeShort = write, title, stacked = false, ceiling } = description;
  const muted = colour("muted");
  const font = { family: getComputedStyle(document.body).fontFamily, size: 11.5 };
  return {
    type: kind,
    data: { labels, datasets: series.map((one) => dataset(kind, one, labels.length)) },
    plugins: [pointer],
    options: {
      animation: false,
      responsive: true,
      maintainAspectRatio: false,
      interaction: { mode: "index", intersect: false },
      layout: { padding: { top: 4 } },
      scales: {
        x: {
          stacked,
          border: { color: colour("line") },
          grid: { display: false },
          ticks: { color: muted, font, maxRotation: 0, autoSkip: labels.length > FEW_LABELS, autoSkipPadding: 22 },
        },
        y: {
          stacked,
          beginAtZero: true,
          suggestedMax: ceiling,
          border: { display: false },
          grid: { color: colour("grid") },
          ticks: { color: muted, font, maxTicksLimit: 5, callback: (value) => writeShort(value) },
        },
      },
      plugins: { legend: { display: false }, tooltip: tooltip(title, write) },
    },
  };
}

function dataset(kind, series, points) {
  const stroke = colour(series.colour);
  const common = { label: series.name, data: series.values, backgroundColor: stroke };
  if (kind === "bar") {
    return { ...common, maxBarThickness: 40, categoryPercentage: points > 60 ? 1 : 0.92, barPercentage: points > 60 ? 0.8 : 0.9, borderRadius: 2 };
  }
  const isFilled = series.filledTo !== undefined;
  return {
    ...common,
    borderColor: stroke,
    borderWidth: series.dashed ? 1.6 : 2,
    borderDash: series.dashed ? [5, 4] : [],
    // A value with none on either side is no line, so it is shown as a point.
    pointRadius: ({ dataIndex: at, dataset: { data } }) => (data[at] != null && data[at - 1] == null && data[at + 1] == null ? 3 : 0),
    pointHoverRadius: 4,
    pointHoverBorderWidth: 0,
    spanGaps: false,
    tension: 0.15,
    cubicInterpolationMode: "monotone",
    fill: isFilled ? series.filledTo : false,
    backgroundColor: isFilled ? faded(colour("accent")) : stroke,
    pointBackgroundColor: stroke,
  };
}

/** Our colours are written `#rrggbb`. */
function faded(hex) {
  return `${hex}24`;
}

function tooltip(title, write) {
  return {
    backgroundColor: colour("text"),
    titleColor: colour("panel"),
    bodyColor: colour("panel"),
    padding: 10,
    cornerRadius: 7,
    boxPadding: 5,
    usePointStyle: true,
    caretSize: 0,
    callbacks: {
      title: (items) => (items.length > 0 ? title(items[0].dataIndex) : ""),
      label: (item) => ` ${item.dataset.label}  ${write(item.raw)}`,
    },
  };
}

/** Lets the arrow keys, Home and End walk along the chart; `onRead` is told each place, and null when Escape ends it. */
export function walkByKeys(canvas, onRead) {
  let at = null;
  const leave = () => {
    at = null;
    point(canvas, null);
    onRead(null);
  };
  canvas.addEventListener("keydown", (event) => {
    const last = (globalThis.Chart.getChart(canvas)?.data.labels.length ?? 0) - 1;
    if (last < 0) return;
    const next = {
      ArrowRight: at === null ? 0 : Math.min(last, at + 1),
      ArrowLeft: at === null ? last : Math.max(0, at - 1),
      Home: 0,
      End: last,
    }[event.key];
    if (event.key === "Escape" && at !== null) leave();
    if (next === undefined) return;
    event.preventDefault();
    at = next;
    point(canvas, at);
    onRead(at);
  });
  canvas.addEventListener("blur", leave);
}

function point(canvas, index) {
  const chart = globalThis.Chart.getChart(canvas);
  if (!chart) return;
  const active = index === null ? [] : chart.data.datasets.map((_, datasetIndex) => ({ datasetIndex, index }));
  const place = index === null ? { x: 0, y: 0 } : chart.getDatasetMeta(0).data[index]?.getCenterPoint() ?? { x: 0, y: 0 };
  chart.setActiveElements(active);
  chart.tooltip.setActiveElements(active, place);
  chart.update("none");
}

/** Whether there is little room, so that fewer words fit. */
export function isNarrow() {
  return innerWidth < NARROW_PX;
}
