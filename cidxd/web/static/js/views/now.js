// What happens now: running jobs, the queue, and what ended last.

import { readiness } from "../api.js";
import { announce, drawn, fill, framed, h, keyed, say } from "../dom.js";
import * as format from "../format.js";
import { badge, bar, empty, jobLink, repositoryLink, time } from "../parts.js";
import { head } from "./repositories.js";

const SHOWN = 12; // ended jobs
const NAMED = 6; // repositories of a host in trouble
const READY_MS = 30_000;

export function now({ jobs, me }) {
  const [notices, ready] = [h("div"), h("div")];
  const incidents = h("ul.notices", { "aria-label": "Hosts in trouble" });
  const slots = h("p.faint");
  const running = h("ol.cards", { "aria-label": "Running jobs" });
  const queued = h("tbody");
  const ended = h("tbody");
  const first = h("div");
  const queueTable = h("table", {}, head("Place", "Repository", "Waits because", "Job", "Asked by", "Asked"), queued);
  const endedTable = h("table", {}, head("Outcome", "Repository", "Job", "Took", "What was done", "Ended"), ended);
  const sections = {
    running: h("section", {}, h("h2", {}, "Running"), slots, running),
    queued: h("section", {}, h("h2", {}, "Queue"), h("div.scroll", {}, queueTable)),
    ended: h("section", {}, h("h2", {}, "Ended last"), h("div.scroll", {}, endedTable)),
  };
  const show = framed(() => {
    const [active, waiting, last] = [jobs.running(), jobs.queued(), jobs.ended().slice(0, SHOWN)];
    notify(notices, jobs.queue);
    keyed(incidents, jobs.queue?.incidents ?? [], (one) => one.host, incident);
    incidents.hidden = !incidents.hasChildNodes();
    say(slots, inUse(active, waiting, jobs.queue?.limits));
    keyed(running, active, (job) => job.job_id, card);
    keyed(queued, waiting, (job) => job.job_id, queuedRow);
    keyed(ended, last, (job) => job.job_id, endedRow);
    sections.queued.hidden = waiting.length === 0;
    sections.ended.hidden = last.length === 0;
    const isNew = active.length + waiting.length + last.length === 0;
    fill(first, isNew ? empty("Nothing was synced yet.", h("p", {}, "Add one under ", h("a", { href: "/repositories" }, "Repositories"), ", or run ", h("code", {}, "cidx sync --follow"), " in a checkout.")) : null);
  });
  jobs.addEventListener("change", show);
  show();
  const look = () => document.hidden || readiness().then((told) => unready(ready, told.reasons), () => {});
  const looking = me.role === "admin" ? setInterval(look, READY_MS) : null;
  if (looking !== null) look();
  return {
    title: "Now",
    node: h("div", {}, h("h1", {}, "Now"), ready, notices, incidents, first, Object.values(sections)),
    close: () => {
      jobs.removeEventListener("change", show);
      clearInterval(looking);
    },
  };
}

function notify(node, queue) {
  const pause = queue?.pause;
  const words = pause ? `The queue is paused by ${pause.requested_by}${pause.reason ? `: ${pause.reason}` : ""}` : "";
  if (node.dataset.words === words) return;
  node.dataset.words = words;
  fill(node, words ? h("p.notice", { role: "status" }, words) : null);
}

/** Why the daemon cannot work; it says so itself, to load balancers too. */
function unready(node, reasons) {
  drawn(node, reasons, () => reasons.length === 0 ? null : h("div.problem", { role: "alert" }, h("strong", {}, "The daemon is not ready"), reasons.map((reason) => h("p", {}, reason))));
}

function inUse(active, waiting, limits) {
  const slots = limits ? `${active.length} of ${limits.running} slots in use` : `${active.length} running`;
  if (waiting.length === 0) return slots;
  const oldest = waiting.map((job) => job.created_at).sort()[0];
  return `${slots}, ${waiting.length} waiting, the oldest since ${format.ago(oldest)}`;
}

/** A host in trouble: one notice for all that waits for it. */
function incident({ host, title }) {
  announce(`${host}: ${title}`);
  const [facts, names] = [h("p"), h("p")];
  const node = h("li.notice", {}, h("strong", {}, host), `: ${title}`, facts, names);
  const update = (now) => {
    const { since, attempts, waiting, probe, next_attempt_at: next, repositories } = now;
    drawn(facts, [since, attempts, waiting, probe, next], () => [
      "since ", time(since), attempts ? `, asked again ${attempts === 1 ? "once" : `${attempts} times`}` : "", `; ${waiting} ${waiting === 1 ? "job waits" : "jobs wait"}; `,
      probe ? ["asked now by ", jobLink({ job_id: probe })] : ["next try ", time(next)],
    ]);
    drawn(names, repositories, () => affected(now));
  };
  return { node, update };
}

function affected({ repositories, repositories_total: total }) {
  const links = repositories.slice(0, NAMED).map((name, at) => [at ? ", " : "", repositoryLink(name)]);
  return ["Affected: ", links, total > links.length ? ` and ${total - links.length} more` : ""];
}

function card(job) {
  const progress = bar(`Sync of ${job.repository}`);
  const [phase, percentage, message, left] = [h("strong"), h("span.number"), h("span"), h("span.faint")];
  const node = h("li.card", {},
    h("div.card-head", {}, repositoryLink(job.repository), jobLink(job), phase, percentage),
    progress.node,
    h("div.card-foot", {}, message, left));
  const update = (now) => {
    say(phase, now.phase ?? "");
    say(percentage, `${Math.floor(now.progress_percentage)} %`);
    say(message, now.message);
    say(left, now.estimate ? `${format.remaining(now.estimate)} left` : "");
    progress.update(now.progress_percentage, now.message);
  };
  return { node, update };
}

function queuedRow(job) {
  const [place, reason] = [h("td.number"), h("td.words")];
  const node = h("tr", {}, place, h("td", {}, repositoryLink(job.repository)), reason, h("td", {}, jobLink(job)),
    h("td", {}, job.requested_by), h("td", {}, time(job.created_at)));
  const update = (now) => {
    say(place, String(now.queue?.position ?? ""));
    say(reason, now.queue?.reason ?? "");
  };
  return { node, update };
}

function endedRow(job) {
  const mark = badge(job);
  const [took, words, ended] = [h("td.number"), h("td.words"), h("td")];
  const node = h("tr", {}, h("td", {}, mark.node), h("td", {}, repositoryLink(job.repository)), h("td", {}, jobLink(job)), took, words, ended);
  let finished = null;
  const update = (now) => {
    mark.update(now);
    say(took, format.duration(now.elapsed_seconds));
    say(words, now.error ? now.error.title : now.message);
    if (now.finished_at !== finished) fill(ended, time(now.finished_at));
    finished = now.finished_at;
  };
  return { node, update };
}
