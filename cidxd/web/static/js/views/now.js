// What happens now: running jobs, the queue, and what ended last.

import { fill, framed, h, keyed, say } from "../dom.js";
import * as format from "../format.js";
import { badge, bar, empty, jobLink, repositoryLink, time } from "../parts.js";

const SHOWN = 12; // ended jobs

export function now({ jobs }) {
  const notices = h("div");
  const slots = h("p.faint");
  const running = h("ol.cards", { "aria-label": "Running jobs" });
  const queued = h("tbody");
  const ended = h("tbody");
  const first = h("div");
  const queueTable = h("table", {}, head("Place", "Repository", "Job", "Asked by", "Waits because", "Asked"), queued);
  const endedTable = h("table", {}, head("Outcome", "Repository", "Job", "Took", "What was done", "Ended"), ended);
  const sections = {
    running: h("section", {}, h("h2", {}, "Running"), slots, running),
    queued: h("section", {}, h("h2", {}, "Queue"), h("div.scroll", {}, queueTable)),
    ended: h("section", {}, h("h2", {}, "Ended last"), h("div.scroll", {}, endedTable)),
  };
  const show = framed(() => {
    const [active, waiting, last] = [jobs.running(), jobs.queued(), jobs.ended().slice(0, SHOWN)];
    notify(notices, jobs.queue);
    say(slots, active.length ? `${active.length} running, ${waiting.length} waiting` : "No sync is running.");
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
  return {
    title: "Now",
    node: h("div", {}, h("h1", {}, "Now"), notices, first, Object.values(sections)),
    close: () => jobs.removeEventListener("change", show),
  };
}

function head(...names) {
  return h("thead", {}, h("tr", {}, names.map((name) => h("th", { scope: "col" }, name))));
}

function notify(node, queue) {
  const pause = queue?.pause;
  const words = pause ? `The queue is paused by ${pause.requested_by}${pause.reason ? `: ${pause.reason}` : ""}` : "";
  if (node.dataset.words === words) return;
  node.dataset.words = words;
  fill(node, words ? h("p.notice", { role: "status" }, words) : null);
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
  const [place, reason] = [h("td.number"), h("td")];
  const node = h("tr", {}, place, h("td", {}, repositoryLink(job.repository)), h("td", {}, jobLink(job)),
    h("td", {}, job.requested_by), reason, h("td", {}, time(job.created_at)));
  const update = (now) => {
    say(place, String(now.queue?.position ?? ""));
    say(reason, now.queue?.reason ?? "");
  };
  return { node, update };
}

function endedRow(job) {
  const mark = badge(job);
  const [took, words, ended] = [h("td.number"), h("td"), h("td")];
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
