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

function table(rows, again) {
  const end = (row) => async () => {
    await ask("DELETE", `/api/sessions/${encodeURIComponent(row.id)}`);
    await again();
  };
  const cells = rows.map((row) => h("tr", {},
    h("td.words", {}, row.agent || "unknown", row.current ? h("small", {}, " this one") : null),
    h("td", {}, row.address),
    h("td", {}, time(row.created_at)),
    h("td", {}, time(row.used_at)),
    h("td", {}, row.current ? null : action("End", end(row), { confirm: "Yes, end it" }))));
  return h("div.scroll", { tabindex: 0, role: "region", "aria-label": "Logins" }, h("table", {}, head("Program", "From", "Since", "Last used", ""), h("tbody", {}, cells)));
}
