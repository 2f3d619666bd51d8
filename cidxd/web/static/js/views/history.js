// What became of the jobs: figures by day, and every job, filtered by what the address says.

import { get, parameters } from "../api.js";
import { bars, lines } from "../charts.js";
import { fill, h } from "../dom.js";
import * as format from "../format.js";
import { badge, empty, failure, jobLink, repositoryLink, time } from "../parts.js";
import { head } from "./repositories.js";

const FILTERS = ["repository", "status", "outcome", "user", "since", "until", "q"];
const OUTCOMES = ["updated", "unchanged", "failed", "cancelled"];

export async function history({ query, router }) {
  const asked = Object.fromEntries(FILTERS.map((name) => [name, query.get(name)]));
  const charts = h("div.charts");
  get("/api/stats", { repository: asked.repository }).then((stats) => fill(charts, figures(stats)), (error) => fill(charts, failure(error)));
  const page = await get("/api/jobs", { ...asked, limit: 50, cursor: query.get("cursor") });
  const older = page.next_cursor && parameters({ ...asked, cursor: page.next_cursor });
  const isFiltered = FILTERS.some((name) => asked[name]);
  const table = h("div.scroll", {}, h("table", {}, head("Outcome", "Repository", "Job", "Asked by", "Took", "What was done", "Asked"), h("tbody", {}, page.jobs.map(row))));
  const none = empty(isFiltered ? "No job is like that." : "No sync was asked for yet.", isFiltered ? h("a", { href: "/jobs" }, "Show all") : null);
  return {
    title: "History",
    node: h("div", {}, h("h1", {}, "History"), charts, filters(asked, router), page.jobs.length ? table : none,
      h("nav.pages", { "aria-label": "Pages" },
        query.get("cursor") ? h("a", { href: `/jobs${parameters(asked)}` }, "newest") : null,
        older ? h("a", { href: `/jobs${older}` }, "older") : null)),
  };
}

function row(job) {
  return h("tr", {},
    h("td", {}, badge(job).node),
    h("td", {}, repositoryLink(job.repository)),
    h("td", {}, jobLink(job)),
    h("td", {}, job.requested_by),
    h("td.number", {}, job.started_at ? format.duration(job.elapsed_seconds) : ""),
    h("td.words", {}, job.error ? job.error.title : job.message),
    h("td", {}, time(job.created_at)));
}

function filters(asked, router) {
  const text = (name, label, props = {}) => h("label", {}, label, h("input", { name, value: asked[name] ?? "", ...props }));
  const choice = (name, label, values) => h("label", {}, label, h("select", { name }, h("option", { value: "" }, "any"), values.map((value) => h("option", { value, selected: value === asked[name] }, value))));
  const apply = (event) => {
    event.preventDefault();
    router.go(`/jobs${parameters(Object.fromEntries(new FormData(event.target)))}`);
  };
  return h("form.filters", { onsubmit: apply, role: "search", "aria-label": "Filter the jobs" },
    text("repository", "Repository"), choice("status", "Status", ["queued", "running", "completed", "failed", "cancelled"]),
    choice("outcome", "Outcome", ["updated", "unchanged"]), text("user", "Asked by"),
    text("since", "Since", { type: "date" }), text("until", "Until", { type: "date" }), text("q", "Words", { type: "search" }),
    h("button.main", { type: "submit" }, "Filter"), h("a", { href: "/jobs" }, "clear"));
}

function figures(stats) {
  const days = stats.days;
  if (days.length === 0) return null;
  const total = (key) => days.reduce((sum, day) => sum + day.jobs[key], 0);
  const [good, bad] = [total("updated") + total("unchanged"), total("failed")];
  const rate = good + bad ? `${((100 * good) / (good + bad)).toFixed(1)} % of those that ran to an end succeeded` : "";
  const names = days.map((day) => day.day.slice(5));
  const columns = days.map((day, at) => ({
    name: names[at],
    title: `${day.day}: ${OUTCOMES.map((kind) => `${day.jobs[kind]} ${kind}`).join(", ")}`,
    href: `/jobs?since=${day.day}&until=${next(day.day)}`,
    parts: OUTCOMES.map((kind) => ({ kind, value: day.jobs[kind] })),
  }));
  const spread = (key) => [
    { kind: "median", values: days.map((day) => day[key].median) },
    { kind: "p90", values: days.map((day) => day[key].p90) },
  ];
  return [
    bars({ label: "Syncs a day", spoken: `${good} succeeded and ${bad} failed in ${days.length} days; ${rate}.`, columns, unit: (value) => format.count(Math.round(value)) }),
    lines({ label: "How long they took", spoken: "Median and ninth decile by day.", names, series: spread("duration_seconds"), unit: format.duration, top: 0.1 }),
    lines({ label: "How long they waited", spoken: "Median and ninth decile by day.", names, series: spread("wait_seconds"), unit: format.duration, top: 0.1 }),
    successes(days, names, rate),
    estimates(days, names),
  ];
}

const percent = (value) => `${Math.round(value)} %`;

function successes(days, names, spoken) {
  const values = days.map(({ jobs: { updated, unchanged, failed } }) => {
    const all = updated + unchanged + failed;
    return all ? (100 * (all - failed)) / all : null;
  });
  return lines({ label: "How many succeeded", spoken: spoken || "None ran to an end.", names, series: [{ kind: "succeeded", values }], unit: percent, top: 100 });
}

function estimates(days, names) {
  const told = days.map((day) => day.estimate_error);
  const [count, near] = [sum(told, "count"), sum(told, "within_20_percent")];
  const spoken = count ? `Of ${count} estimates at half time, ${percent((100 * near) / count)} were within 20 percent of what it became.` : "";
  const series = [
    { kind: "near", word: "within 20 %", values: told.map((one) => (one.count ? (100 * one.within_20_percent) / one.count : null)) },
    { kind: "missed", word: "off by (median)", values: told.map((one) => one.median_percent) },
  ];
  return lines({ label: "How good the estimates were", spoken, names, series, unit: percent, top: 100 });
}

const sum = (rows, key) => rows.reduce((total, row) => total + row[key], 0);

function next(day) {
  return new Date(Date.parse(day) + 86_400_000).toISOString().slice(0, 10);
}
