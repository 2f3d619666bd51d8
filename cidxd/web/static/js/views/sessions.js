// One's logins, and ending one of them.

import { ask, get } from "../api.js";
import { fill, h } from "../dom.js";
import { action, time } from "../parts.js";
import { head } from "./repositories.js";

export async function sessions() {
  const list = h("div");
  const show = async () => fill(list, table((await get("/api/sessions")).sessions, show));
  await show();
  return h("section", {}, h("h2", {}, "Logins"), list);
}

const BROWSERS = [["Edge", /Edg\/(\d+)/], ["Opera", /OPR\/(\d+)/], ["Firefox", /Firefox\/(\d+)/], ["Chrome", /Chrome\/(\d+)/], ["Safari", /Version\/(\d+).* Safari/]];
const SYSTEMS = ["Windows", "Android", "iPhone", "iPad", "Mac OS X", "Linux"];

/** A browser as people call it, anything else as it calls itself. */
export function program(agent) {
  const browser = BROWSERS.find(([, sign]) => sign.test(agent));
  if (!browser) return agent || "unknown";
  const system = SYSTEMS.find((name) => agent.includes(name));
  return `${browser[0]} ${browser[1].exec(agent)[1]}${system ? ` on ${system.replace("Mac OS X", "macOS")}` : ""}`;
}

function table(rows, again) {
  const end = (row) => async () => {
    await ask("DELETE", `/api/sessions/${encodeURIComponent(row.id)}`);
    await again();
  };
  const cells = rows.map((row) => h("tr", {},
    h("td", { title: row.agent }, program(row.agent), row.current ? h("small", {}, " this one") : null),
    h("td", {}, row.address),
    h("td", {}, time(row.created_at)),
    h("td", {}, time(row.used_at)),
    h("td", {}, row.current ? null : action("End", end(row), { confirm: "Yes, end it" }))));
  return h("div.scroll", { tabindex: 0, role: "region", "aria-label": "Logins" }, h("table", {}, head("Program", "From", "Since", "Last used", ""), h("tbody", {}, cells)));
}
