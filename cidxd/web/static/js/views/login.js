// Name and password, for a cookie that no script can read.

import { ask } from "../api.js";
import { fill, h } from "../dom.js";
import { field } from "../parts.js";

export function login(words, onEntered) {
  const name = h("input", { name: "username", autocomplete: "username", required: true, autocapitalize: "none", spellcheck: "false" });
  const password = h("input", { name: "password", type: "password", autocomplete: "current-password", required: true });
  const said = h("p.said", { role: "alert" }, words);
  const button = h("button.main", { type: "submit" }, "Log in");
  const enter = async (event) => {
    event.preventDefault();
    button.disabled = true;
    try {
      const body = { username: name.value, password: password.value };
      onEntered(await ask("POST", "/api/auth/session", { body }));
    } catch (error) {
      password.value = "";
      fill(said, error.message);
      password.focus();
    } finally {
      button.disabled = false;
    }
  };
  return h("section.login", {},
    h("h1", {}, "Log in"),
    said,
    h("form", { onsubmit: enter }, field("User name", name), field("Password", password), button),
    h("p.faint", {}, "On your own machine, ", h("code", {}, "cidx open"), " opens this page logged in."));
}
