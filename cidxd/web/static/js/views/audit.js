// Who changed what, for administrators.

import { get } from "../api.js";
import { fill, h } from "../dom.js";
import { action, empty, failure, time } from "../parts.js";
import { head } from "./repositories.js";

const FILTERS = [["actor", "Who"], ["action", "What"], ["target", "To what"]];

export async function audit() {
  const inputs = FILTERS.map(([name]) => h("input", { name, autocapitalize: "none", spellcheck: "false", autocomplete: "off" }));
  const body = h("tbody");
  const more = h("div");
  const load = async (cursor) => {
    const query = Object.fromEntries(inputs.map((input) => [input.name, input.value.trim()]));
    const page = await get("/api/audit", { ...query, limit: 50, cursor });
    const rows = page.entries.map(row);
    if (cursor) body.append(...rows);
    else fill(body, rows);
    if (rows.length === 0) fill(more, empty("Nothing of that kind was changed."));
    else fill(more, page.next_cursor === null ? null : action("Show older ones", () => load(page.next_cursor)));
  };
  const asked = async (event) => {
    event.preventDefault();
    try {
      await load();
    } catch (error) {
      fill(more, failure(error));
    }
  };
  await load();
  return h("section", {}, h("h2", {}, "Who changed what"),
    h("form.filters", { onsubmit: asked, role: "search", "aria-label": "Filter the audit log" },
      FILTERS.map(([, words], at) => h("label", {}, words, inputs[at])), h("button.main", { type: "submit" }, "Filter")),
    h("div.scroll", { tabindex: 0, role: "region", "aria-label": "Audit log" }, h("table", {}, head("When", "Who", "What", "To what", "From", "Detail"), body)), more);
}

function row(entry) {
  const told = Object.entries(entry.detail).filter(([, value]) => shown(value) !== "");
  const details = told.map(([name, value]) => `${name}: ${shown(value)}`);
  return h("tr", {}, h("td", {}, time(entry.at)), h("td", {}, entry.actor || "nobody"), h("td", {}, entry.action),
    h("td", {}, entry.target), h("td", {}, entry.address), h("td.words", {}, details.join("; ")));
}

function shown(value) {
  if (value === null) return "none";
  if (Array.isArray(value)) return value.map(shown).join(", ");
  if (typeof value !== "object") return String(value);
  if ("before" in value) return `${shown(value.before) || "none"} → ${shown(value.after) || "none"}`;
  const parts = Object.entries(value).filter(([, part]) => part !== null);
  return parts.map(([name, part]) => (name === "kind" ? part : `${name} ${shown(part)}`)).join(", ");
}
