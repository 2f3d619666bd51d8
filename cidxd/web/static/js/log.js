// The tail of a job's log: read on from the byte where it was left, filtered as one types.

import { raw } from "./api.js";
import { fill, h, say } from "./dom.js";
import { isFinal } from "./jobs.js";

const SHOWN = 2000; // lines in the page
const PAUSE_MS = 1000;

/** Return a node, `update(job)` and `close`. */
export function logView(id) {
  const lines = [];
  let [offset, rest, isReading, status, timer] = [0, "", false, "", null];
  const text = h("pre.log", { tabindex: 0, "aria-label": "Log" });
  const filter = h("input", { type: "search", placeholder: "only lines with …", "aria-label": "Only lines with" });
  const follow = h("input", { type: "checkbox", checked: true });
  const found = h("span.faint", { role: "status" });
  filter.addEventListener("input", draw);

  async function read() {
    if (isReading || document.hidden) return;
    isReading = true;
    try {
      const response = await raw(`/api/jobs/${id}/log`, { query: { offset } });
      if (response.status === 416) {
        [offset, rest] = [0, ""];
        lines.length = 0;
      } else if (response.ok) {
        take(await response.text(), response.headers.get("Content-Range") ?? "");
      }
    } catch {
      // the frame shows that the daemon is away
    } finally {
      isReading = false;
    }
  }

  function take(chunk, range) {
    const last = /bytes \d+-(\d+)\//.exec(range);
    if (last) offset = Number(last[1]) + 1;
    if (!chunk) return;
    const parts = (rest + chunk).split("\n");
    rest = parts.pop();
    lines.push(...parts);
    if (lines.length > SHOWN) lines.splice(0, lines.length - SHOWN);
    draw();
  }

  function draw() {
    const wanted = filter.value.toLowerCase();
    const shown = wanted ? lines.filter((line) => line.toLowerCase().includes(wanted)) : lines;
    say(text, shown.join("\n"));
    say(found, wanted ? `${shown.length} of ${lines.length} lines` : "");
    if (follow.checked) text.scrollTop = text.scrollHeight;
  }

  function update(job) {
    if (job.status === status) return; // of which there are few, and many events
    status = job.status;
    const isOver = isFinal(job);
    clearInterval(timer);
    timer = isOver ? null : setInterval(read, PAUSE_MS);
    read().then(() => isOver && read()); // what was written between the last look and the end
  }

  const tools = h("div.tools", {}, filter, h("label", {}, follow, " follow"), found, h("a", { href: `/api/jobs/${id}/log`, target: "_blank" }, "the whole log"));
  fill(text, "");
  return { node: h("section", {}, h("h2", {}, "Log"), tools, text), update, close: () => clearInterval(timer) };
}
