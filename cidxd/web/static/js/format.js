// Numbers, sizes and times in words; the client's terminal says them alike.

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB"];

export const count = (number) => Number(number ?? 0).toLocaleString("en");

export function bytes(number) {
  let value = Number(number ?? 0);
  let unit = 0;
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit === 0 || value >= 100 ? value.toFixed(0) : value.toFixed(1)} ${UNITS[unit]}`;
}

/** Seconds as "0.32 s", "42 s", "3 min 5 s", "2 h 10 min", "3 d 4 h". */
export function duration(seconds) {
  if (seconds === null || seconds === undefined) return "";
  if (seconds < 9.995) return `${Math.max(0, seconds).toFixed(2)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return pair(whole, 60, "min", "s");
  if (whole < 86_400) return pair(Math.round(whole / 60), 60, "h", "min");
  return pair(Math.round(whole / 3600), 24, "d", "h");
}

/** "about 40 s", with its range if that says more. */
export function remaining(estimate) {
  if (!estimate) return "";
  const { remaining_seconds: middle, low_seconds: low, high_seconds: high } = estimate;
  const range = rough(low) === rough(high) ? "" : ` (${rough(low)} to ${rough(high)})`;
  return `about ${rough(middle)}${range}`;
}

/** How long ago, or in how long, an instant of the wire is. */
export function ago(instant, now = Date.now()) {
  const seconds = (now - Date.parse(instant)) / 1000;
  if (Math.abs(seconds) < 2) return "just now";
  return seconds > 0 ? `${coarse(seconds)} ago` : `in ${coarse(-seconds)}`;
}

/** The exact time of an instant of the wire, where the reader is. */
export function exact(instant) {
  return new Date(instant).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "medium" });
}

/** A duration that is only guessed, without false precision. */
const rough = (seconds) => (seconds < 10 ? `${Math.round(Math.max(0, seconds))} s` : duration(seconds));

export const shortId = (id) => id.slice(-8);
export const shortCommit = (commit) => (commit ?? "").slice(0, 10);

function coarse(seconds) {
  if (seconds < 60) return `${Math.round(seconds)} s`;
  if (seconds < 3600) return `${Math.round(seconds / 60)} min`;
  if (seconds < 86_400) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86_400)} d`;
}

function pair(whole, of, big, small) {
  const rest = whole % of;
  return `${Math.floor(whole / of)} ${big}${rest ? ` ${rest} ${small}` : ""}`;
}
