// One job: its course, what it did and cost, its log; cancelled and asked for again in place.

import { post } from "../api.js";
import { drawn, fill, framed, h, say } from "../dom.js";
import * as format from "../format.js";
import { isFinal } from "../jobs.js";
import { logView } from "../log.js";
import { action, badge, bar, failure, repositoryLink, time } from "../parts.js";
import { waterfall } from "../waterfall.js";
import { commitList, outcomeFacts, phaseTable } from "./job_parts.js";

export async function job({ parts, jobs, me, router }) {
  let shown = await jobs.read(parts[0]);
  const id = shown.job_id;
  const mark = badge(shown);
  const progress = bar(`Sync of ${shown.repository}`);
  const [percentage, message, left, queue] = [h("strong.number"), h("span"), h("span.faint"), h("p.notice")];
  const live = h("section.card", {}, h("div.card-head", {}, message, percentage), progress.node, h("div.card-foot", {}, left));
  const [facts, problem, phases, commits, tools] = [h("dl.facts"), h("div"), h("div.scroll.phases", { tabindex: 0, role: "region", "aria-label": "Phases" }), h("div"), h("div.tools")];
  const course = waterfall();
  const log = logView(id);

  const show = framed(() => {
    shown = jobs.known.get(id) ?? shown;
    mark.update(shown);
    live.hidden = isFinal(shown);
    say(percentage, `${Math.floor(shown.progress_percentage)} %`);
    say(message, shown.message);
    const until = shown.status === "queued" ? "until it is done" : "left";
    say(left, shown.estimate ? `${format.remaining(shown.estimate)} ${until}, ${shown.estimate.basis}` : "");
    say(queue, shown.queue ? `${waits(shown)}: ${shown.queue.reason}` : "");
    queue.hidden = !shown.queue;
    progress.update(shown.progress_percentage, shown.message);
    const { status, requesters, elapsed_seconds: took, summary, resources, cancel: ending, retried_by: next } = shown;
    drawn(facts, [status, requesters, took, summary, resources, ending, next], () => outcomeFacts(shown));
    drawn(problem, [shown.error, shown.attempts], () => [shown.error ? fault(shown.error) : null, attempts(shown)]);
    drawn(phases, [shown.phases, shown.resources], () => phaseTable(shown));
    drawn(commits, shown.commits, () => commitList(shown));
    course.update(shown);
    log.update(shown);
    offer();
  });

  let offered = "";
  function offer() {
    const mine = me.role === "admin" || (me.role === "member" && shown.requesters.includes(me.name));
    const kind = !mine ? "" : isFinal(shown) ? "retry" : shown.cancel ? "force" : "cancel";
    if (kind === offered) return;
    offered = kind;
    fill(tools, kind === "retry" ? retry() : kind === "" ? null : cancel(kind === "force"));
  }

  function cancel(force) {
    const label = force ? "Kill it now" : "Cancel";
    return action(label, async () => jobs.put(await post(`/api/jobs/${id}/cancel`, { force })), { confirm: force ? "Yes, kill it" : "Yes, cancel" });
  }

  function retry() {
    return action("Sync again", async () => {
      const made = await post(`/api/jobs/${id}/retry`);
      jobs.put(made);
      router.go(`/jobs/${made.job_id}`);
    });
  }

  const listen = ({ detail }) => (detail === id || detail === null) && show();
  jobs.addEventListener("change", listen);
  show();
  return {
    title: `Sync of ${shown.repository}`,
    node: h("div", {},
      h("h1", {}, "Sync of ", repositoryLink(shown.repository), " ", mark.node),
      h("p.mono.faint", {}, id),
      tools, problem, queue, live,
      h("h2", {}, "Course"), course.node, phases,
      h("h2", {}, "Result"), facts,
      commits,
      log.node),
    close: () => {
      jobs.removeEventListener("change", listen);
      course.close();
      log.close();
    },
  };
}

function waits({ queue: { position }, attempts: tried }) {
  const again = tried.length ? `Put back after attempt ${tried.length}, place` : "Place";
  return `${again} ${position} in the queue`;
}

function fault(error) {
  return h("div.problem", { role: "alert" },
    h("strong", {}, error.title),
    error.detail ? h("pre", {}, error.detail) : null,
    h("p", {}, error.hint),
    h("code.faint", {}, error.code));
}

function attempts(job) {
  const ended = job.attempts.filter((one) => one.error || one.interrupted);
  if (ended.length === 0 || (ended.length === 1 && job.status === "failed")) return null;
  return h("ol.attempts", {}, ended.map((one) => h("li", {},
    `Attempt ${one.number}: `,
    one.interrupted ? "interrupted, and given back" : `${one.error.title} (${one.error.code})`,
    one.finished_at ? [", ", time(one.finished_at)] : null)));
}
