// The frame around every view: where one can go, who one is, whether the page is live.

import { announce, fill, h, say } from "./dom.js";
import { ask } from "./api.js";

const PLACES = [["/", "Now"], ["/repositories", "Repositories"], ["/jobs", "History"], ["/search", "Search"]];
const WORDS = {
  connecting: "connecting",
  live: "live",
  offline: "connection lost; trying again",
  paused: "paused while out of sight",
  ended: "logged out",
};

export function shell(header, me, stream, onLoggedOut) {
  const state = h("span.link-state", { role: "status" });
  const show = () => {
    state.dataset.state = stream.state;
    say(state, WORDS[stream.state]);
  };
  stream.addEventListener("state", ({ detail }) => {
    show();
    if (detail.state === "offline") announce("The connection is lost. What is shown may be old.");
  });
  show();
  const places = me.role === "admin" ? [...PLACES, ["/admin", "Admin"]] : PLACES;
  const logOut = async () => {
    await ask("POST", "/api/auth/logout").catch(() => {});
    onLoggedOut();
  };
  fill(header,
    h("a.brand", { href: "/" }, "cidx"),
    h("nav", { "aria-label": "Main" }, places.map(([href, label]) => h("a", { href }, label))),
    state,
    h("div.who", {},
      h("a", { href: "/account" }, me.name),
      h("button.quiet", { type: "button", onclick: logOut }, "Log out")));
}
