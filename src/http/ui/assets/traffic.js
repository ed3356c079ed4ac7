// How much came, how it ended and how long it took.

import { element } from "./elements.js";
import { figure } from "./figures.js";
import { bucketSpan, bucketStart, compact, count, ms, percentOf, usd } from "./format.js";

/** The figures that fit in a line. */
export function tiles() {
  const whole = element("dl", { class: "tiles" });
  // As many as will be filled, so that nothing jumps.
  const fill = (entries) => whole.replaceChildren(...entries.map(([term, value, detail]) =>
    element("div", { class: "tile waits" }, element("dt", {}, term), element("dd", { class: "figure" }, value), element("dd", { class: "detail" }, detail))));
  fill(Array.from({ length: 8 }, () => ["Loading", "0", "0"]));

  function show({ totals, latency }) {
    const unanswered = totals.failed + totals.broken;
    fill([
      ["Requests", compact(totals.requests), `${compact(totals.auto_requests)} routed`],
      ["Answered", percentOf(totals.answered, totals.requests), `${count(unanswered)} failed, ${count(totals.refused)} refused`],
      ["Abstained", percentOf(totals.abstentions, totals.auto_requests), `${count(totals.abstentions)} unlike anything seen`],
      ["Fallbacks", count(totals.fallbacks), `${percentOf(totals.fallbacks, totals.requests)} of requests`],
      ["From the cache", percentOf(totals.cache_hits, totals.requests), `${count(totals.cache_hits)} answers`],
      ["Tokens", compact(totals.input_tokens + totals.output_tokens), `${compact(totals.input_tokens)} in, ${compact(totals.output_tokens)} out`],
      ["Latency p50", ms(latency.p50_ms), `p95 ${ms(latency.p95_ms)}`],
      ["Router’s share p50", ms(latency.overhead_p50_ms), `p99 ${ms(latency.overhead_p99_ms)}`],
    ]);
  }
  return { element: whole, show };
}

export function requests() {
  const chart = figure({ title: "Requests", size: "half" });
  function show({ series, bucket_ms: bucketMs, totals }) {
    chart.show({
      ...overTime(series, bucketMs),
      kind: "bar",
      stacked: true,
      series: [
        { name: "Not failed", values: series.map((bucket) => bucket.requests - bucket.failed), colour: "accent" },
        { name: "Failed", values: series.map((bucket) => bucket.failed), colour: "bad" },
      ],
      write: count,
      writeShort: compact,
      summary: `${count(totals.requests)} requests, ${count(totals.failed)} failed.`,
    });
  }
  return { element: chart.element, show };
}

export function latency() {
  const chart = figure({ title: "Latency", note: "whole answers", size: "half" });
  function show({ series, bucket_ms: bucketMs, latency: over }) {
    const values = (field) => series.map((bucket) => (bucket.requests > 0 ? bucket[field] : null));
    chart.show({
      ...overTime(series, bucketMs),
      kind: "line",
      series: [
        { name: "p50", values: values("p50_ms"), colour: "accent" },
        { name: "p95", values: values("p95_ms"), colour: "accent-mid" },
        { name: "p99", values: values("p99_ms"), colour: "grey", dashed: true },
      ],
      write: ms,
      summary: `Half of the answers took at most ${ms(over.p50_ms)}, 95 of 100 at most ${ms(over.p95_ms)}, 99 of 100 at most ${ms(over.p99_ms)}.`,
    });
  }
  return { element: chart.element, show };
}

function overTime(series, bucketMs) {
  const span = series.length * bucketMs;
  return {
    labels: series.map((bucket) => bucketStart(bucket.t_ms, bucketMs, span)),
    title: (index) => bucketSpan(series[index].t_ms, bucketMs),
  };
}

/** Cost a request. */
export function each(costUsd, requestsMade) {
  return requestsMade > 0 ? usd(costUsd / requestsMade) : usd(null);
}
