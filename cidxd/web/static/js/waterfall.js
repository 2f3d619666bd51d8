// A job's course as bars on one axis of time: waiting, and each phase, attempt over attempt.

import { fill, h, s } from "./dom.js";
import * as format from "./format.js";
import { isFinal } from "./jobs.js";

const ROWS = ["waiting", "fetch", "diff", "index", "validate", "publish"];
const [LABEL, WIDTH, ROW, BAR] = [90, 800, 26, 16];
const LENGTH = 62; // wide are the words beside a bar

/**
 * What a job did when: `{row, attempt, from, to, seconds, kind}`, times in milliseconds, oldest
 * first.  `kind` is waiting, running, done, failed or stopped.  A phase of the last attempt takes
 * as long as the job says of it, which is less than until the next one begins.  Pure.
 */
export function segments(job, now) {
  const end = job.finished_at ? Date.parse(job.finished_at) : now;
  const entries = job.history.filter((entry) => entry.status === "queued" || entry.status === "running");
  const found = [];
  let attempt = 0;
  entries.forEach((entry, at) => {
    const before = entries[at - 1];
    if (entry.status === "running" && before?.status !== "running") attempt += 1;
    const next = job.history[job.history.indexOf(entry) + 1];
    if (!entry.phase && entry.status === "running" && next?.status === "running") return; // it is about to begin
    const told = job.phases.find((phase) => phase.name === entry.phase && phase.started_at === entry.at && phase.finished_at);
    const from = Date.parse(entry.at);
    const to = Math.max(from, told ? Date.parse(told.finished_at) : next ? Date.parse(next.at) : end);
    const row = entry.status === "queued" ? "waiting" : entry.phase ?? "fetch";
    const seconds = told?.duration_seconds ?? (to - from) / 1000;
    found.push({ row, attempt: Math.max(1, attempt), from, to, seconds, kind: kindOf(entry, next, job) });
  });
  return found;
}

function kindOf(entry, next, job) {
  if (entry.status === "queued") return "waiting";
  if (!next) return isFinal(job) ? "done" : "running";
  if (next.status === "running" || next.status === "completed") return "done";
  return next.status === "failed" || next.status === "queued" ? "failed" : "stopped";
}

/** Return a node and `update(job)`; it draws anew each second while the job is active. */
export function waterfall() {
  const node = h("figure.waterfall", { tabindex: 0, "aria-label": "Course" });
  let timer = null;
  let shown = null;
  const draw = () => fill(node, picture(shown, Date.now()), legend(shown));
  const update = (job) => {
    shown = job;
    draw();
    clearInterval(timer);
    timer = isFinal(job) ? null : setInterval(draw, 1000);
  };
  return { node, update, close: () => clearInterval(timer) };
}

function picture(job, now) {
  const parts = segments(job, now);
  const start = Date.parse(job.created_at);
  const span = Math.max(1, ...parts.map((part) => part.to - start));
  const x = (at) => LABEL + ((at - start) / span) * (WIDTH - LABEL - 70);
  const height = ROWS.length * ROW + 24;
  const nextOf = (part) => Math.min(Infinity, ...parts.filter((other) => other.row === part.row && other.from > part.from).map((other) => other.from));
  const bars = parts.map((part) => {
    const y = ROWS.indexOf(part.row) * ROW + (ROW - BAR) / 2;
    const width = Math.max(2, x(part.to) - x(part.from));
    const words = `${part.row}, attempt ${part.attempt}: ${format.duration(part.seconds)}, ${part.kind}`;
    return [
      s(`rect.${part.kind}`, { x: x(part.from), y, width, height: BAR, rx: 3 }, s("title", {}, words)),
      x(nextOf(part)) - x(part.to) < LENGTH ? null : s("text.length", { x: Math.min(x(part.to) + 4, WIDTH - LENGTH), y: y + BAR - 3.5 }, format.duration(part.seconds)),
    ];
  });
  const labels = ROWS.map((row, at) => s("text", { x: 0, y: at * ROW + ROW / 2 + 4 }, row));
  const axis = s("text.length", { x: LABEL, y: height - 6 }, `0 to ${format.duration(span / 1000)} after it was asked for`);
  return s("svg", { viewBox: `0 0 ${WIDTH} ${height}`, role: "img", "aria-label": spoken(parts) }, labels, bars, axis);
}

function spoken(parts) {
  const words = parts.map((part) => `${part.row} ${format.duration(part.seconds)} ${part.kind}`);
  return `Course of the job: ${words.join(", ")}`;
}

function legend(job) {
  const several = job.attempts.length > 1;
  return several ? h("figcaption.faint", {}, `${job.attempts.length} attempts, from left to right`) : null;
}
