// One's personal tokens: listed, made (and shown once), revoked.

import { ask, get, post } from "../api.js";
import { announce, fill, h } from "../dom.js";
import { action, empty, failure, field, time } from "../parts.js";
import { head } from "./repositories.js";

const SCOPES = { read: "read: read and search", sync: "sync: also sync, cancel and retry", admin: "admin: all that you may" };

export function tokens() {
  const list = h("div");
  const show = async () => fill(list, table((await get("/api/tokens")).tokens, show));
  show().catch((error) => fill(list, failure(error)));
  return h("section.panel", {}, h("h2", {}, "Personal tokens"),
    h("p", {}, "For curl and for programs, as a bearer token or in ", h("code", {}, "CIDX_TOKEN"), "."),
    list, making(show));
}

function table(rows, again) {
  if (rows.length === 0) return empty("You have no personal token.");
  const revoke = (row) => async () => {
    await ask("DELETE", `/api/tokens/${row.id}`);
    await again();
  };
  const lines = rows.map((row) => h("tr", {},
    h("td", {}, row.name), h("td", {}, row.scopes.join(", ")), h("td", {}, time(row.created_at)),
    h("td", {}, h("time", { datetime: row.expires_at }, row.expires_at.slice(0, 10))), h("td", {}, time(row.last_used_at)),
    h("td", {}, action("Revoke", revoke(row), { confirm: "Yes, end it", kind: "danger" }))));
  return h("div.scroll", {}, h("table", {}, head("Name", "Scopes", "Made", "Ends", "Last used", ""), h("tbody", {}, lines)));
}

function making(again) {
  const name = h("input", { required: true, maxlength: 100, autocomplete: "off", spellcheck: "false" });
  const days = h("input", { type: "number", required: true, min: 1, value: 30 });
  const scope = h("select", {}, Object.entries(SCOPES).map(([value, words]) => h("option", { value }, words)));
  const said = h("div");
  const make = async (event) => {
    event.preventDefault();
    fill(said);
    try {
      const made = await post("/api/tokens", { name: name.value, days: Number(days.value), scopes: [scope.value] });
      fill(said, once(made.token));
      event.target.reset();
      await again();
    } catch (error) {
      fill(said, failure(error));
    }
  };
  return h("details", {}, h("summary", {}, "Make a token"), said,
    h("form", { onsubmit: make },
      field("What it is for", name), field("Days until it ends", days), field("What it may do", scope),
      h("button.main", { type: "submit" }, "Make")));
}

function once(secret) {
  const shown = h("input.mono", { readonly: true, value: secret, "aria-label": "The new token", onfocus: (event) => event.target.select() });
  const copy = async () => {
    await navigator.clipboard.writeText(secret);
    announce("The token is copied.");
  };
  return h("div.notice", {}, h("p", {}, "Keep it now: it is shown this once."), shown, " ", action("Copy", copy));
}
