// One repository: its branches, how its syncs went and what took the time; changed and removed here.

import { ask, get } from "../api.js";
import { bars, strip } from "../charts.js";
import { fill, h, say } from "../dom.js";
import * as format from "../format.js";
import { action, empty, failure, field, jobLink, time } from "../parts.js";
import { sharing } from "./access.js";
import { head, syncNow } from "./repositories.js";
import { nextSync, scheduling, webhook } from "./triggers.js";

const PHASES = ["fetch", "diff", "index", "validate", "publish"];

export async function repository({ parts: [name], jobs, router }) {
  const path = `/api/repositories/${encodeURIComponent(name)}`;
  const [row, recent, storage] = await Promise.all([get(path), get(`${path}/recent`, { limit: 30 }), get(`${path}/storage`)]);
  const estimates = h("p.faint");
  get("/api/stats", { repository: name }).then((stats) => say(estimates, missed(stats.repositories[0]?.estimate_error)), () => {});
  const branches = h("div");
  const outcomes = h("div");
  const draw = (now, last) => {
    fill(branches, branchTable(now));
    fill(outcomes, last.jobs.length ? [strip(last.jobs), durations(last.jobs)] : empty("No sync of it has ended yet."));
  };
  draw(row, recent);
  const ended = new Set();
  const listen = async ({ detail }) => {
    const job = jobs.known.get(detail);
    if (!job || job.repository !== name || !job.finished_at || ended.has(detail)) return;
    ended.add(detail);
    const news = await Promise.all([get(path), get(`${path}/recent`, { limit: 30 })]).catch(() => null);
    if (news) draw(...news);
  };
  jobs.addEventListener("change", listen);
  return {
    title: name,
    node: h("div", {},
      h("h1", {}, name), h("p", {}, h("code", {}, row.remote)),
      h("div.tools", {}, row.rights.includes("sync") ? syncNow(name, jobs, router) : null, " ", h("a", { href: `/jobs?repository=${encodeURIComponent(name)}` }, "its history"), " ", h("a", { href: `/search?repository=${encodeURIComponent(name)}` }, "search it")),
      h("h2", {}, "Branches"), branches,
      h("h2", {}, "Last syncs"), outcomes, estimates,
      h("h2", {}, "Storage"),
      h("p", {}, `index ${format.bytes(storage.index_bytes)}, mirror ${format.bytes(storage.mirror_bytes)}; registered by ${row.created_by}, `, time(row.created_at)),
      row.rights.includes("change") ? [editing(row, path, router), row.access ? sharing(row, path, router) : null,
        scheduling(row, path, router), webhook(row, path), removing(path, router, name)] : null),
    close: () => jobs.removeEventListener("change", listen),
  };
}

function branchTable(row) {
  if (row.branches.length === 0) return empty("Nothing is indexed yet.", h("p", {}, "“Sync now” brings it in step with its remote."));
  const lines = row.branches.map((one) => h("tr", {},
    h("td", {}, one.name, one.default ? h("small", {}, " default") : null),
    h("td.mono", {}, format.shortCommit(one.commit)),
    h("td", {}, time(one.indexed_at)),
    h("td", {}, jobLink(one))));
  const checked = h("p.faint", {}, "Last compared with its remote: ", time(row.checked_at), ". ", nextSync(row));
  return [h("div.scroll", {}, h("table", {}, head("Branch", "Commit", "Indexed", "By job"), h("tbody", {}, lines))), checked];
}

function missed(error) {
  if (!error?.count) return "";
  const share = Math.round((100 * error.within_20_percent) / error.count);
  return `How long it still takes, told at half time, was off by ${Math.round(error.median_percent)} % in the median of 30 days; ${share} % of ${error.count} were within 20 %.`;
}

function durations(jobs) {
  const done = [...jobs].reverse().filter((job) => job.status === "completed");
  const columns = done.map((job) => ({
    name: new Date(job.finished_at).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", hour12: false }),
    title: `${job.outcome} in ${format.duration(job.elapsed_seconds)}: ${PHASES.filter((phase) => job.phases[phase]).map((phase) => `${phase} ${format.duration(job.phases[phase])}`).join(", ")}`,
    href: `/jobs/${job.job_id}`,
    parts: PHASES.map((phase) => ({ kind: phase, value: job.phases[phase] ?? 0 })),
  }));
  const longest = Math.max(0, ...done.map((job) => job.elapsed_seconds));
  return bars({ label: "How long the phases took", spoken: `The longest of the last ${done.length} took ${format.duration(longest)}.`, columns, unit: format.duration });
}

function editing(row, path, router) {
  const name = h("input", { name: "name", value: row.name });
  const remote = h("input", { name: "remote", value: row.remote });
  const branches = h("input", { name: "branches", value: row.tracked.join(" ") });
  const said = h("div");
  const save = async (event) => {
    event.preventDefault();
    const body = {};
    if (name.value !== row.name) body.name = name.value.trim();
    if (remote.value !== row.remote) body.remote = remote.value.trim();
    const wanted = branches.value.split(/[\s,]+/).filter(Boolean);
    if (wanted.join(" ") !== row.tracked.join(" ")) body.branches = wanted;
    try {
      const changed = await ask("PATCH", path, { body });
      router.go(`/repositories/${encodeURIComponent(changed.name)}`, { replace: true });
    } catch (error) {
      fill(said, failure(error));
    }
  };
  return h("details.panel", {}, h("summary", {}, "Change it"), said,
    h("form", { onsubmit: save },
      field("Name", name, "its history and its index stay with it"), field("Remote address", remote),
      field("Branches beside the default one", branches, "separated by spaces"),
      h("button.main", { type: "submit" }, "Save")));
}

function removing(path, router, name) {
  const remove = async () => {
    await ask("DELETE", path);
    router.go("/repositories");
  };
  return h("details.panel", {}, h("summary", {}, "Remove it"),
    h("p", {}, "Its mirror and its index are deleted; its jobs stay in the history."),
    action(`Remove ${name}`, remove, { confirm: "Yes, delete mirror and index", kind: "danger" }));
}
