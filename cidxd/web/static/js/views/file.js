// A file at an indexed commit, with the definitions in it beside.

import { get } from "../api.js";
import { coloured, familyOf } from "../code.js";
import { h } from "../dom.js";
import * as format from "../format.js";
import { empty, repositoryLink } from "../parts.js";

const COLOURED_BYTES = 600_000;
const BLOCK = 200; // lines that are laid out together, when they come into sight

export async function file({ query }) {
  const [repository, path, branch, commit] = ["repository", "path", "branch", "commit"].map((name) => query.get(name));
  const told = await get(`/api/repositories/${encodeURIComponent(repository)}/file`, { path, branch, commit });
  const node = h("div", {},
    h("h1", {}, path.split("/").pop()),
    h("p", {}, repositoryLink(repository), " ", h("code", {}, path)),
    h("p.faint", {}, `${branch ? `${branch}, ` : ""}commit ${format.shortCommit(told.commit)}, ${format.bytes(told.size)}`, told.truncated ? ", only its beginning is shown" : ""),
    h("div.file-view", {}, body(told, path), told.symbols.length ? outline(told.symbols) : null));
  requestAnimationFrame(() => jump(node));
  const jumping = () => jump(node);
  addEventListener("hashchange", jumping);
  return { title: path, node, close: () => removeEventListener("hashchange", jumping) };
}

function body(told, path) {
  if (told.text === undefined) return empty("This file is binary, so it is not shown.");
  const lines = told.text.split("\n");
  if (lines.at(-1) === "") lines.pop();
  const family = told.size > COLOURED_BYTES ? null : familyOf(path);
  const blocks = [];
  for (let at = 0; at < lines.length; at += BLOCK) {
    const part = lines.slice(at, at + BLOCK).map((text, offset) => {
      const number = at + offset + 1;
      return h("div.line", { id: `L${number}` }, h("a.line-number", { href: `#L${number}`, "aria-label": `line ${number}` }, number), h("span.text", {}, coloured(text.replace(/\r$/, ""), family)));
    });
    blocks.push(h("div.block", { style: { "--lines": part.length } }, part));
  }
  return h("div.code", { tabindex: 0, role: "region", "aria-label": "Content" }, blocks);
}

function outline(symbols) {
  return h("nav.outline", { "aria-label": "Definitions" }, h("h2", {}, "Definitions"),
    h("ul", {}, symbols.map((one) => h("li", {}, h("a", { href: `#L${one.line}` }, one.name), h("small", {}, ` ${one.kind}${one.scope ? ` of ${one.scope}` : ""}`)))));
}

function jump(node) {
  node.querySelector(".line.target")?.classList.remove("target");
  const line = location.hash ? node.querySelector(`#${CSS.escape(location.hash.slice(1))}`) : null;
  line?.classList.add("target");
  line?.scrollIntoView({ block: "center" });
}
