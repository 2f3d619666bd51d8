// For administrators: users, the queue, and how the daemon is.

import { ask, get, post, readiness } from "../api.js";
import { fill, h } from "../dom.js";
import { action, failure, field, time } from "../parts.js";
import { audit } from "./audit.js";
import { head } from "./repositories.js";

const ROLES = ["reader", "member", "admin"];

export async function admin({ me, jobs }) {
  const users = h("div");
  const queue = h("div");
  const showUsers = async () => fill(users, userTable((await get("/api/users")).users, me, showUsers));
  const showQueue = async () => {
    await jobs.readQueue();
    fill(queue, queueState(jobs.queue, showQueue));
  };
  const [health] = await Promise.all([daemonState(), showUsers(), showQueue()]);
  const log = await audit();
  return {
    title: "Admin",
    node: h("div", {}, h("h1", {}, "Admin"), h("h2", {}, "Daemon"), health, h("h2", {}, "Queue"), queue, h("h2", {}, "Users"), users, adding(showUsers), log),
  };
}

async function daemonState() {
  const [alive, ready] = await Promise.all([get("/healthz"), readiness()]);
  const facts = [
    ["Ready", ready.ready ? "yes" : ready.reasons.join("; ")],
    ["To know", ready.notices.join("; ")],
    ["Version", `${alive.version}, wire ${alive.wire}`],
    ["SQLite", alive.sqlite_version],
    ["Index kernel", alive.index_kernel ?? "not known yet"],
  ];
  return h("dl.facts", {}, facts.filter(([, value]) => value).map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))));
}

function queueState(state, again) {
  const counts = h("p", {}, `${state.running} of ${state.limits.running} slots in use, ${state.queued} waiting`);
  if (state.pause) {
    const { requested_by: who, reason, at } = state.pause;
    return [h("p.notice", {}, `Paused by ${who}${reason ? `: ${reason}` : ""}, `, time(at)), counts,
      action("Resume", async () => { await post("/api/queue/resume"); await again(); }, { kind: "main" })];
  }
  const reason = h("input", { maxlength: 500 });
  return [counts, field("Reason", reason, "everybody whose job waits reads it"),
    action("Pause the queue", async () => { await post("/api/queue/pause", { reason: reason.value }); await again(); })];
}

function userTable(users, me, again) {
  const change = (user, body) => async () => {
    await ask("PATCH", `/api/users/${encodeURIComponent(user.name)}`, { body });
    await again();
  };
  const rows = users.map((user) => h("tr", {},
    h("td", {}, user.name, user.name === me.name ? h("small", {}, " you") : null),
    h("td", {}, roleOf(user, change)),
    h("td", {}, user.disabled ? "disabled" : "may log in"),
    h("td", {}, h("div.tools", {},
      action(user.disabled ? "Enable" : "Disable", change(user, { disabled: !user.disabled }), { confirm: user.disabled ? null : "Yes, end their sessions and tokens" })))));
  return h("div.scroll", {}, h("table", {}, head("User", "Role", "State", ""), h("tbody", {}, rows)));
}

function roleOf(user, change) {
  const role = roles(user.role, `Role of ${user.name}`);
  return h("div.tools", {}, role, action("Set", async () => change(user, { role: role.value })()));
}

function roles(chosen, label = null) {
  return h("select", { "aria-label": label }, ROLES.map((role) => h("option", { value: role, selected: role === chosen }, role)));
}

function adding(again) {
  const name = h("input", { required: true, autocapitalize: "none", spellcheck: "false", autocomplete: "off" });
  const password = h("input", { type: "password", required: true, minlength: 12, autocomplete: "new-password" });
  const role = roles("member");
  const said = h("div");
  const add = async (event) => {
    event.preventDefault();
    fill(said);
    try {
      await post("/api/users", { name: name.value, password: password.value, role: role.value });
      event.target.reset();
      await again();
    } catch (error) {
      fill(said, failure(error));
    }
  };
  return h("details.panel", {}, h("summary", {}, "Add a user"), said,
    h("form", { onsubmit: add }, field("User name", name), field("Password", password, "12 characters at least"), field("Role", role), h("button.main", { type: "submit" }, "Add")));
}
