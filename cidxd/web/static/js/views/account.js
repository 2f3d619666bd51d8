// Oneself: who one is here, one's password and tokens.

import { post } from "../api.js";
import { h, say } from "../dom.js";
import { field } from "../parts.js";
import { sessions } from "./sessions.js";
import { tokens } from "./tokens.js";

export async function account({ me }) {
  return {
    title: "Account",
    node: h("div", {}, h("h1", {}, "Account"),
      h("p", {}, "You are ", h("strong", {}, me.name), { admin: ", an administrator.", reader: ", a reader." }[me.role] ?? "."),
      password(me),
      await sessions(),
      tokens(),
      h("section.panel", {}, h("h2", {}, "On the command line"),
        h("p", {}, h("code", {}, `cidx login ${location.origin}`), " logs in once; ", h("code", {}, "cidx auth token"), " prints a token for curl."))),
  };
}

function password(me) {
  const old = h("input", { type: "password", autocomplete: "current-password", required: true });
  const fresh = h("input", { type: "password", autocomplete: "new-password", required: true, minlength: 12 });
  const said = h("p", { role: "status" });
  const change = async (event) => {
    event.preventDefault();
    try {
      await post("/api/auth/password", { old_password: old.value, new_password: fresh.value });
      event.target.reset();
      said.className = "good";
      say(said, "The password is changed; every other session of yours has ended.");
    } catch (error) {
      said.className = "bad";
      say(said, `${error.message}${error.hint ? `: ${error.hint}` : ""}`);
    }
  };
  return h("section.panel", {}, h("h2", {}, "Password"), said,
    h("form", { onsubmit: change },
      h("input", { type: "text", name: "username", value: me.name, autocomplete: "username", hidden: true }),
      field("Old password", old), field("New password", fresh, "12 characters at least"),
      h("button.main", { type: "submit" }, "Change")));
}
