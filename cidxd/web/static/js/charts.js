// Charts as SVG: each is a picture with a description, and every mark has its figures on hover.

import { h, s } from "./dom.js";
import { duration } from "./format.js";

const [WIDTH, HEIGHT, LEFT, BOTTOM] = [440, 150, 52, 22];
const WIDEST = 46; // of a column
const NAME = 46; // wide is the name of one at most

/**
 * Stacked bars.
 * @param {{label: string, spoken: string, unit?: (n: number) => string,
 *   columns: {name: string, title: string, href?: string, parts: {kind: string, value: number}[]}[]}} data
 */
export function bars({ label, spoken, columns, unit = String }) {
  const most = Math.max(...columns.map((column) => sum(column.parts)), 0);
  if (most === 0) return h("p.faint", {}, `${label}: nothing to show yet.`);
  const step = Math.min(WIDEST, (WIDTH - LEFT) / columns.length);
  const y = (value) => HEIGHT - BOTTOM - (value / most) * (HEIGHT - BOTTOM - 14);
  const marks = columns.map((column, at) => {
    let below = 0;
    const rects = column.parts.filter((part) => part.value > 0).map((part) => {
      const [top, foot] = [y(below + part.value), y(below)];
      below += part.value;
      return s(`rect.${part.kind}`, { x: LEFT + at * step + step * 0.1, y: top, width: Math.max(1, step * 0.8), height: Math.max(0.5, foot - top) });
    });
    const group = s("g", {}, rects, s("title", {}, column.title));
    return column.href ? s("a", { href: column.href, "aria-label": column.title }, group) : group;
  });
  return figure(label, spoken, [axis(y, most, unit), marks, names(columns, step)], legend(columns));
}

/**
 * Lines over the same columns: `series` has `kind`, what to call it if not that, and a value or
 * null for each of `names`; the axis reaches to `top` at least.
 */
export function lines({ label, spoken, names: columns, series, unit = String, top = 1e-9 }) {
  const values = series.flatMap((one) => one.values).filter((value) => value !== null);
  if (values.length === 0) return h("p.faint", {}, `${label}: nothing to show yet.`);
  const most = Math.max(...values, top);
  const step = Math.min(WIDEST, (WIDTH - LEFT) / columns.length);
  const y = (value) => HEIGHT - BOTTOM - (value / most) * (HEIGHT - BOTTOM - 14);
  const marks = series.map(({ kind, word = kind, values: row }) => {
    const points = row.map((value, at) => (value === null ? null : [LEFT + (at + 0.5) * step, y(value), value, at])).filter(Boolean);
    const path = points.map(([px, py], at) => `${at ? "L" : "M"}${px.toFixed(1)} ${py.toFixed(1)}`).join("");
    return [
      s(`path.${kind}`, { d: path, fill: "none" }),
      points.map(([px, py, value, at]) => s(`circle.${kind}`, { cx: px, cy: py, r: 3 }, s("title", {}, `${columns[at]}, ${word}: ${unit(value)}`))),
    ];
  });
  const named = columns.map((name) => ({ name, parts: series.map(({ kind, word }) => ({ kind, word, value: 1 })) }));
  return figure(label, spoken, [axis(y, most, unit), marks, names(named, step)], legend(named));
}

/** The last outcomes as small marks, the newest at the right; each links to its job. */
export function strip(jobs) {
  const marks = [...jobs].reverse().map((job) => {
    const word = job.status === "completed" ? job.outcome : job.status;
    const words = `${word}${job.error ? `: ${job.error}` : ""}, ${duration(job.elapsed_seconds)}, ${job.finished_at}`;
    return h(`a.mark.${word}`, { href: `/jobs/${job.job_id}`, title: words, "aria-label": words });
  });
  return h("div.strip", {}, marks);
}

function axis(y, most, unit) {
  return [most, most / 2].map((value) => [
    s("line.axis", { x1: LEFT, x2: WIDTH, y1: y(value), y2: y(value) }),
    s("text", { x: LEFT - 6, y: y(value) + 4, "text-anchor": "end" }, unit(value)),
  ]);
}

function names(columns, step) {
  const every = Math.ceil(NAME / step);
  return columns.map((column, at) => (at % every ? null : s("text", { x: LEFT + (at + 0.5) * step, y: HEIGHT - 6, "text-anchor": "middle" }, column.name)));
}

function legend(columns) {
  const parts = columns.flatMap((column) => column.parts.filter((part) => part.value > 0));
  const words = new Map(parts.map(({ kind, word = kind }) => [kind, word]));
  return [...words].map(([kind, word]) => h("span.key", {}, h(`i.swatch.${kind}`), word));
}

function figure(label, spoken, content, keys) {
  return h("figure.chart", {},
    h("figcaption", {}, h("strong", {}, label), keys),
    s("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "group", "aria-label": `${label}. ${spoken}` }, content));
}

const sum = (parts) => parts.reduce((total, part) => total + part.value, 0);
