// Every repository: how fresh it is, how its last syncs went; more of them are added here.

import { get, post } from "../api.js";
import { strip } from "../charts.js";
import { h } from "../dom.js";
import * as format from "../format.js";
import { action, empty, failure, field, jobLink, repositoryLink, time } from "../parts.js";

export async function repositories({ jobs, router, me }) {
  const rows = await every();
  const watcher = new IntersectionObserver((entries) => {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting) continue;
      watcher.unobserve(target);
      get(`/api/repositories/${encodeURIComponent(target.dataset.name)}/recent`).then((told) => target.replaceChildren(strip(told.jobs)), () => {});
    }
  });
  const body = h("tbody", {}, rows.map((row) => line(row, jobs, router, watcher)));
  const table = h("div.scroll", {}, h("table", {}, head("Repository", "Branch", "Commit", "Indexed", "Last syncs", "Last", ""), body));
  const none = empty("No repository is kept in step yet.", h("p", {}, "Add the first one below, or run ", h("code", {}, "cidx sync --follow"), " in a checkout."));
  return {
    title: "Repositories",
    node: h("div", {}, h("h1", {}, "Repositories"), rows.length ? table : none, me.role === "reader" ? null : adding(router)),
    close: () => watcher.disconnect(),
  };
}

async function every() {
  const rows = [];
  let cursor = null;
  do {
    const page = await get("/api/repositories", { limit: 500, cursor });
    rows.push(...page.repositories);
    cursor = page.next_cursor;
  } while (cursor !== null);
  return rows;
}

/** The head of a table; above numbers, which stand at the right, their name does too. */
export function head(...names) {
  const cell = (name) => h(["Place", "Took"].includes(name) ? "th.number" : "th", { scope: "col" }, name || h("span.unseen", {}, "Actions"));
  return h("thead", {}, h("tr", {}, names.map(cell)));
}

function line(row, jobs, router, watcher) {
  const main = row.branches.find((branch) => branch.default) ?? row.branches[0];
  const others = row.branches.length - 1;
  const last = h("td", { data: { name: row.name } });
  watcher.observe(last);
  return h("tr", {},
    h("td", {}, repositoryLink(row.name), h("br"), h("small", {}, row.remote)),
    h("td", {}, main ? main.name : h("span.faint", {}, "not yet"), others > 0 ? h("small", {}, ` and ${others} more`) : null),
    h("td.mono", {}, main ? format.shortCommit(main.commit) : ""),
    h("td", {}, main ? time(main.indexed_at) : ""),
    last,
    h("td", {}, row.last_job ? [jobLink(row.last_job), " ", h("small", {}, row.last_job.status)] : ""),
    h("td", {}, row.rights.includes("sync") ? syncNow(row.name, jobs, router) : null));
}

/** A button that asks for a sync and goes to its job. */
export function syncNow(name, jobs, router, body = {}) {
  return action("Sync now", async () => {
    const job = await post("/api/sync", { repository: name, ...body });
    jobs.put(job);
    router.go(`/jobs/${job.job_id}`);
  });
}

function adding(router) {
  const remote = h("input", { name: "remote", required: true, placeholder: "https://host/team/project.git", spellcheck: "false", autocapitalize: "none" });
  const name = h("input", { name: "name", spellcheck: "false", autocapitalize: "none" });
  const branches = h("input", { name: "branches", spellcheck: "false", autocapitalize: "none" });
  const said = h("div");
  const button = h("button.main", { type: "submit" }, "Add");
  const add = async (event) => {
    event.preventDefault();
    button.disabled = true;
    said.replaceChildren();
    try {
      const body = { remote: remote.value.trim(), branches: branches.value.split(/[\s,]+/).filter(Boolean) };
      if (name.value.trim()) body.name = name.value.trim();
      const row = await post("/api/repositories", body);
      await post("/api/sync", { repository: row.name });
      router.go(`/repositories/${encodeURIComponent(row.name)}`);
    } catch (error) {
      said.replaceChildren(failure(error));
    } finally {
      button.disabled = false;
    }
  };
  return h("section.panel", {}, h("h2", {}, "Add a repository"), said,
    h("form", { onsubmit: add },
      field("Remote address", remote, "it is asked at once whether it can be fetched"),
      field("Name", name, "left empty, the address names it"),
      field("Branches beside the default one", branches, "separated by spaces"),
      button));
}
