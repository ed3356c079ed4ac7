// Numbers and times as people read them. Unknown is a dash, never a zero.

export const UNKNOWN = "–";

const language = navigator.language || "en";
const whole = new Intl.NumberFormat(language, { maximumFractionDigits: 0 });
const threeDigits = new Intl.NumberFormat(language, { maximumSignificantDigits: 3 });
const STEPS = [[1e12, "T"], [1e9, "B"], [1e6, "M"], [1e3, "k"]];
const percents = [0, 1, 2].map((digits) =>
  new Intl.NumberFormat(language, { style: "percent", minimumFractionDigits: digits, maximumFractionDigits: digits }));
const dayAndTime = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "medium" });
const clock = new Intl.DateTimeFormat(language, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const clockWithSeconds = new Intl.DateTimeFormat(language, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
const dayOnly = new Intl.DateTimeFormat(language, { day: "numeric", month: "short" });
const dayAndClock = new Intl.DateTimeFormat(language, { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", hourCycle: "h23" });

export const HOUR_MS = 3_600_000;
export const DAY_MS = 24 * HOUR_MS;

function isNumber(value) {
  return typeof value === "number" && Number.isFinite(value);
}

function dollars(value, options) {
  return new Intl.NumberFormat(language, { style: "currency", currency: "USD", currencyDisplay: "narrowSymbol", ...options }).format(value);
}

/** Two decimals; below ten cents three digits that say something, for a request may well cost less than a thousandth of a cent. */
export function usd(value) {
  if (!isNumber(value)) return UNKNOWN;
  const size = Math.abs(value);
  if (size === 0) return dollars(0, { maximumFractionDigits: 0 });
  if (size < 1e-7) return `< ${dollars(1e-7, { maximumFractionDigits: 7 })}`;
  if (size < 0.1) return dollars(value, { minimumSignificantDigits: 3, maximumSignificantDigits: 3 });
  return dollars(value, { minimumFractionDigits: 2, maximumFractionDigits: 2 });
}

/** For an axis: short. */
export function shortUsd(value) {
  if (!isNumber(value)) return UNKNOWN;
  if (Math.abs(value) >= 1000) return dollars(value, { notation: "compact", maximumFractionDigits: 1 });
  return dollars(value, { minimumFractionDigits: 0, maximumSignificantDigits: 3 });
}

export function count(value) {
  return isNumber(value) ? whole.format(value) : UNKNOWN;
}

/** 12.3k, 4.56M. */
export function compact(value) {
  if (!isNumber(value)) return UNKNOWN;
  if (Math.abs(value) < 10_000) return whole.format(value);
  const [size, unit] = STEPS.find(([step]) => Math.abs(value) >= step);
  return threeDigits.format(value / size) + unit;
}

/** A share of 0..1. */
export function percent(share) {
  if (!isNumber(share)) return UNKNOWN;
  const size = Math.abs(share);
  return percents[size >= 0.1 || size === 0 ? 0 : size >= 0.01 ? 1 : 2].format(share);
}

/** A part of a whole; unknown where the whole is nothing. */
export function percentOf(part, total) {
  return total > 0 && isNumber(part) ? percent(part / total) : UNKNOWN;
}

export function probability(value) {
  return isNumber(value) ? value.toFixed(2) : UNKNOWN;
}

export function ms(value) {
  if (!isNumber(value)) return UNKNOWN;
  if (value === 0) return "0 ms";
  if (value < 10) return `${value.toFixed(value < 1 ? 2 : 1)} ms`;
  if (value < 1000) return `${Math.round(value)} ms`;
  if (value < 60_000) return `${(value / 1000).toFixed(value < 10_000 ? 2 : 1)} s`;
  return `${(value / 60_000).toFixed(1)} min`;
}

export function clockTime(unixMs) {
  return isNumber(unixMs) ? clockWithSeconds.format(unixMs) : UNKNOWN;
}

export function moment(unixMs) {
  return isNumber(unixMs) ? dayAndTime.format(unixMs) : UNKNOWN;
}

/** Today's by the clock, others with their day. */
export function shortMoment(unixMs) {
  if (!isNumber(unixMs)) return UNKNOWN;
  const isToday = new Date(unixMs).toDateString() === new Date().toDateString();
  return isToday ? clockWithSeconds.format(unixMs) : dayAndClock.format(unixMs);
}

/** Where a bucket of time begins, as an axis writes it. */
export function bucketStart(unixMs, bucketMs, spanMs) {
  if (spanMs <= 2 * DAY_MS) return clock.format(unixMs);
  return bucketMs < DAY_MS && spanMs <= 8 * DAY_MS ? dayAndClock.format(unixMs) : dayOnly.format(unixMs);
}

/** From and to, in full. */
export function bucketSpan(unixMs, bucketMs) {
  return `${dayAndClock.format(unixMs)} – ${clock.format(unixMs + bucketMs)}`;
}

/** How long until then. */
export function until(unixMs, now = Date.now()) {
  const left = unixMs - now;
  if (!isNumber(left) || left <= 0) return "now";
  if (left < HOUR_MS) return `in ${Math.max(1, Math.round(left / 60_000))} min`;
  if (left < 2 * DAY_MS) return `in ${Math.round(left / HOUR_MS)} h`;
  return `in ${Math.round(left / DAY_MS)} days`;
}

/** `functional_writing` as words. */
export function words(label) {
  return label === null || label === undefined ? UNKNOWN : String(label).replaceAll("_", " ");
}
