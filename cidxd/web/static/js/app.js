// Where the page begins: who asks, then the frame, the stream and the view of the address.

import { Problem, ask, door, get } from "./api.js";
import { fill, h } from "./dom.js";
import { Jobs } from "./jobs.js";
import { failure } from "./parts.js";
import { Router } from "./router.js";
import { shell } from "./shell.js";
import { Stream } from "./stream.js";
import { account } from "./views/account.js";
import { admin } from "./views/admin.js";
import { file } from "./views/file.js";
import { history } from "./views/history.js";
import { job } from "./views/job.js";
import { login } from "./views/login.js";
import { now } from "./views/now.js";
import { repositories } from "./views/repositories.js";
import { repository } from "./views/repository.js";
import { search } from "./views/search.js";

const ROUTES = [
  [/^\/$/, now],
  [/^\/jobs$/, history],
  [/^\/jobs\/([^/]+)$/, job],
  [/^\/repositories$/, repositories],
  [/^\/repositories\/([^/]+)$/, repository],
  [/^\/search$/, search],
  [/^\/file$/, file],
  [/^\/account$/, account],
  [/^\/admin$/, admin],
];
const AGAIN_MS = 2000;

const header = document.getElementById("header");
const main = document.getElementById("main");
let running = null;

door.addEventListener("logged-out", () => leave("Your session has ended."));
begin();

async function begin() {
  try {
    await redeem();
    const { user } = await get("/api/auth/session");
    if (user === null) return leave("");
    enter(user);
  } catch (error) {
    if (error instanceof Problem && error.code === "login-refused") return leave(`${error.message}: ${error.hint}`);
    fill(main, failure(error));
    setTimeout(begin, AGAIN_MS);
  }
}

/** Use the code that `cidx open` put behind the address, and take it from the address at once. */
async function redeem() {
  const code = new URLSearchParams(location.hash.slice(1)).get("code");
  if (code === null) return;
  window.history.replaceState(null, "", location.pathname + location.search);
  await ask("POST", "/api/auth/session", { body: { code } });
}

function enter(me) {
  const stream = new Stream();
  const jobs = new Jobs(stream);
  const router = new Router(main, ROUTES, { me, jobs, stream });
  running = { stream, jobs, router };
  stream.addEventListener("logged-out", () => leave("Your session has ended."));
  shell(header, me, stream, () => leave("You are logged out."));
  stream.open();
  jobs.start().catch(() => {});
  router.show();
}

function leave(words) {
  running?.stream.close();
  running?.jobs.close();
  running?.router.close();
  running = null;
  fill(header, h("a.brand", { href: "/" }, "cidx"));
  document.title = "Log in · cidx";
  fill(main, login(words, enter));
  main.querySelector("input")?.focus();
}
