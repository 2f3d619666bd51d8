// What a job's page lists: its result, its phases, its commits.

import { get } from "../api.js";
import { h } from "../dom.js";
import * as format from "../format.js";
import { jobLink, time } from "../parts.js";

const WORDS = [
  ["files_added", "added"], ["files_modified", "modified"], ["files_deleted", "deleted"],
  ["files_renamed", "renamed"], ["files_indexed", "indexed"], ["files_skipped", "skipped"],
];

/** What is known of the job, as terms and descriptions. */
export function outcomeFacts(job) {
  const facts = [
    ["Asked by", job.requesters.join(", ")],
    ["Asked", time(job.created_at)],
    ["Ended", job.finished_at ? time(job.finished_at) : null],
    ["Took", job.started_at ? format.duration(job.elapsed_seconds) : null],
    ["Options", options(job)],
    ["Files", job.summary ? files(job.summary) : null],
    ["Received", job.summary?.bytes_received ? `${format.bytes(job.summary.bytes_received)}, ${format.count(job.summary.objects_received)} objects` : null],
    ["Cost", job.resources.cpu_seconds ? `${format.duration(job.resources.cpu_seconds)} of CPU, ${format.bytes(job.resources.peak_rss_bytes)} at most` : null],
    ["Cancelled", job.cancel ? [`by ${job.cancel.requested_by}${job.cancel.reason ? `: ${job.cancel.reason}` : ""}`] : null],
    ["Again as", job.retried_by ? jobLink({ job_id: job.retried_by }) : null],
    ["Again for", job.retry_of ? jobLink({ job_id: job.retry_of }) : null],
    ["Damage", job.summary?.index_damage ?? null],
  ];
  return facts.filter(([, value]) => value).map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value)));
}

/** Its phases with their times, counters and costs. */
export function phaseTable(job) {
  const rows = job.phases.map((phase) => {
    const cost = job.resources.by_phase[phase.name];
    const counters = Object.entries(phase.counters).map(([name, value]) => `${name.replaceAll("_", " ")} ${name.endsWith("bytes") ? format.bytes(value) : format.count(value)}`);
    return h("tr", {},
      h("th", { scope: "row" }, phase.name),
      h("td", {}, phase.status),
      h("td.number", {}, format.duration(phase.duration_seconds)),
      h("td.number", {}, cost ? format.duration(cost.cpu_seconds) : ""),
      h("td.number", {}, cost ? format.bytes(cost.peak_rss_bytes) : ""),
      h("td.number", {}, cost ? `${format.bytes(cost.read_bytes)} / ${format.bytes(cost.written_bytes)}` : ""),
      h("td", {}, counters.join(", ")));
  });
  const names = ["Phase", "State", "Took", "CPU", "Memory", "Read / written", "Counted"];
  const kinds = names.map((_, at) => (at >= 2 && at <= 5 ? "th.number" : "th"));
  return h("table", {}, h("thead", {}, h("tr", {}, names.map((name, at) => h(kinds[at], { scope: "col" }, name)))), h("tbody", {}, rows));
}

/** From where to where each branch went, with the subjects of what came. */
export function commitList(job) {
  const moved = job.commits.filter((one) => one.indexed);
  if (moved.length === 0) return null;
  return h("section", {}, h("h2", {}, "Commits"), moved.map((one) => branch(job.repository, one)));
}

function branch(repository, { branch: name, before, indexed }) {
  const list = h("ul.commits");
  const from = before ? format.shortCommit(before) : "nothing";
  const isSame = before === indexed;
  const words = isSame ? `stays at ${format.shortCommit(indexed)}` : `${from} to ${format.shortCommit(indexed)}`;
  if (!isSame) {
    const query = { until: indexed, since: before, limit: before ? 30 : 5 };
    get(`/api/repositories/${encodeURIComponent(repository)}/commits`, query).then(
      ({ commits, more }) => {
        list.append(...commits.map((one) => h("li", {}, h("code", {}, format.shortCommit(one.commit)), " ", one.subject, h("span.faint", {}, ` ${one.author}, `, time(one.authored_at)))));
        if (more) list.append(h("li.faint", {}, "and older ones"));
      },
      (error) => list.append(h("li.faint", {}, error.message)),
    );
  }
  return h("div", {}, h("p", {}, h("strong", {}, name), ` ${words}`), list);
}

function options({ options: { full, branch: names } }) {
  const words = [full ? "everything anew" : null, names ? `only ${[names].flat().join(", ")}` : null];
  return words.filter(Boolean).join(", ");
}

function files(summary) {
  const words = WORDS.filter(([key]) => summary[key]).map(([key, word]) => `${format.count(summary[key])} ${word}`);
  return `${format.count(summary.files_total)}${words.length ? `: ${words.join(", ")}` : ", nothing changed"}`;
}
