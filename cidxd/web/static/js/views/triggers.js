// What starts syncs of a repository without anybody asking: its schedule and its webhook.

import { ask, post } from "../api.js";
import { fill, h } from "../dom.js";
import * as format from "../format.js";
import { action, failure, field, time } from "../parts.js";

/** When it is looked at next, in words. */
export function nextSync(row) {
  if (!row.next_sync) return "The next sync comes when somebody asks for it.";
  if (Date.parse(row.next_sync) <= Date.now()) return "The next sync is due.";
  return ["Next sync ", time(row.next_sync), "."];
}

/** The schedule in words. */
export function told(row) {
  const own = row.schedule_from === "repository" ? "" : ", as the server does";
  const schedule = row.schedule;
  if (!schedule) return `never by itself${own}`;
  if (schedule.kind === "cron") return `at ${schedule.expression} (${schedule.timezone})${own}`;
  return `adaptive, every ${format.duration(schedule.min_seconds)} to ${format.duration(schedule.max_seconds)}${own}`;
}

/** A form that chooses the schedule. */
export function scheduling(row, path, router) {
  const chosen = row.schedule_from === "server" ? "default" : (row.schedule?.kind ?? "off");
  const kinds = { default: "As the server does", adaptive: "Adaptive", cron: "At fixed times", off: "Never" };
  const kind = h("select", { name: "kind" }, Object.entries(kinds).map(([value, words]) => h("option", { value, selected: value === chosen }, words)));
  const number = (name, value) => h("input", { name, type: "number", min: 1, step: "any", value });
  const low = number("min", (row.schedule?.min_seconds ?? 300) / 60);
  const high = number("max", (row.schedule?.max_seconds ?? 21_600) / 60);
  const expression = h("input", { name: "expression", value: row.schedule?.expression ?? "*/15 * * * *", spellcheck: "false" });
  const zone = h("input", { name: "timezone", value: row.schedule?.timezone ?? Intl.DateTimeFormat().resolvedOptions().timeZone ?? "UTC", spellcheck: "false" });
  const adaptive = h("div", {}, field("At most every (minutes)", low), field("At least every (minutes)", high));
  const cron = h("div", {}, field("Cron expression", expression, "minute hour day month weekday"), field("Time zone", zone));
  const show = () => {
    adaptive.hidden = kind.value !== "adaptive";
    cron.hidden = kind.value !== "cron";
  };
  kind.addEventListener("change", show);
  show();
  const said = h("div");
  const save = async (event) => {
    event.preventDefault();
    const schedule = { kind: kind.value };
    if (kind.value === "adaptive") Object.assign(schedule, { min_seconds: 60 * low.value, max_seconds: 60 * high.value });
    if (kind.value === "cron") Object.assign(schedule, { expression: expression.value, timezone: zone.value });
    try {
      await ask("PATCH", path, { body: { schedule } });
      router.go(`/repositories/${encodeURIComponent(row.name)}`, { replace: true });
    } catch (error) {
      fill(said, failure(error));
    }
  };
  return h("details.panel", {}, h("summary", {}, "When it is synced by itself"), said,
    h("p", {}, `Now: ${told(row)}.`),
    h("form", { onsubmit: save }, field("Schedule", kind), adaptive, cron, h("button.main", { type: "submit" }, "Save schedule")));
}

/** The webhook: made, made anew, removed; its secret is shown once. */
export function webhook(row, path) {
  const shown = h("div", { "aria-live": "polite" });
  const state = h("p");
  const buttons = h("div.tools");
  const draw = (hook) => {
    fill(state, hook ? ["A webhook was made by ", hook.created_by, ", ", time(hook.created_at), "; its secret is not shown again."] : "A git host can tell of each push, so that the sync begins at once.");
    const make = async () => {
      const made = await post(`${path}/webhook`);
      draw({ created_by: "you", created_at: made.created_at });
      fill(shown, secret(made));
    };
    const remove = async () => {
      await ask("DELETE", `${path}/webhook`);
      fill(shown);
      draw(null);
    };
    fill(buttons, hook
      ? [action("Make a new secret", make, { confirm: "Yes, the old one is good no longer" }), " ", action("Remove webhook", remove, { confirm: "Yes, take no more deliveries", kind: "danger" })]
      : action("Make a webhook", make));
  };
  draw(row.webhook);
  return h("details.panel", {}, h("summary", {}, "Webhook"), state, shown, buttons);
}

function secret(made) {
  const address = ([provider, url]) => h("tr", {}, h("th", { scope: "row" }, provider), h("td", {}, h("code", {}, url)));
  return [
    h("p", {}, h("strong", {}, "This is shown once. "), "Give your git host this secret, and its address:"),
    h("p", {}, h("code.secret", {}, made.secret)),
    h("div.scroll", {}, h("table", {}, h("tbody", {}, Object.entries(made.urls).map(address)))),
  ];
}
