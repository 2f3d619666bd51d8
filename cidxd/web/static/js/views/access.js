// Whom a repository is shown to, for those who may say so.

import { ask } from "../api.js";
import { fill, h } from "../dom.js";
import { failure, field } from "../parts.js";

export function sharing(row, path, router) {
  const visibility = h("select", {},
    option("all", "every user of the server", row.access.visibility),
    option("restricted", "who added it, administrators, and those below", row.access.visibility));
  const users = h("textarea", { rows: 4, spellcheck: "false", autocapitalize: "none" });
  users.value = row.access.users.map((one) => `${one.user} ${one.level}`).join("\n");
  const said = h("div");
  const save = async (event) => {
    event.preventDefault();
    fill(said);
    try {
      await ask("PATCH", path, { body: { access: { visibility: visibility.value, users: read(users.value) } } });
      router.go(path.replace("/api", ""), { replace: true });
    } catch (error) {
      fill(said, failure(error));
    }
  };
  return h("details.panel", {}, h("summary", {}, "Whom it is shown to"), said,
    h("form", { onsubmit: save },
      field("Shown to", visibility),
      field("Users", users, "one a line, with read or write: write lets sync and change it too"),
      h("button.main", { type: "submit" }, "Save")));
}

function option(value, words, chosen) {
  return h("option", { value, selected: value === chosen }, words);
}

function read(text) {
  return text.split("\n").map((line) => line.trim().split(/\s+/)).filter(([user]) => user)
    .map(([user, level = "read"]) => ({ user, level }));
}
