// @ts-check

/** @param {readonly number[]} values @param {number} share */
export function percentile(values, share) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}

/** Median and 99th percentile as they stand in the report. @param {readonly number[]} values */
export function summarise(values) {
  return { n: values.length, median: percentile(values, 0.5), p99: percentile(values, 0.99) };
}

/** @param {number} value @param {number} [digits] */
export function number(value, digits = 1) {
  return Number.isNaN(value) ? "–" : value.toFixed(digits);
}

/** Realtime in milliseconds with microseconds behind the point, comparable with `date +%s%N` of another process. */
export function realtimeMs() {
  return performance.timeOrigin + performance.now();
}
