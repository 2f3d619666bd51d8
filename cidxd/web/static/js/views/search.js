// Search over everything one may read; the whole question stands in the address.

import { get, parameters } from "../api.js";
import { coloured, familyOf } from "../code.js";
import { announce, fill, h } from "../dom.js";
import * as format from "../format.js";
import { action, empty, failure, field } from "../parts.js";

const MODES = [["literal", "Text"], ["regex", "Regular expression"], ["symbol", "Definition"]];

export function search({ query, router }) {
  const asked = {
    q: query.get("q") ?? "", mode: query.get("mode") ?? "literal", case: query.get("case") ?? "sensitive",
    word: query.get("word") === "true", repository: query.getAll("repository"), branch: query.get("branch"),
    path: query.getAll("path"), lang: query.getAll("lang"),
  };
  const results = h("section", { "aria-label": "Results" });
  const node = h("div", {}, h("h1", {}, "Search"), form(asked, router), results);
  if (asked.q) find(asked, results);
  else fill(results, empty("What are you looking for?", h("p", {}, "Every repository that you may read is searched, at its indexed tip.")));
  return { title: asked.q ? `${asked.q} · Search` : "Search", node };
}

function form(asked, router) {
  const q = h("input.wide", { name: "q", type: "search", value: asked.q, required: true, spellcheck: "false", autocapitalize: "none" });
  const modes = MODES.map(([value, label]) => h("label", {}, h("input", { type: "radio", name: "mode", value, checked: value === asked.mode }), ` ${label}`));
  const box = (name, value, label, isOn) => h("label", {}, h("input", { type: "checkbox", name, value, checked: isOn }), ` ${label}`);
  const text = (name, label, value, hint) => field(label, h("input", { name, value, spellcheck: "false", autocapitalize: "none" }), hint);
  const send = (event) => {
    event.preventDefault();
    const sent = Object.fromEntries(new FormData(event.target));
    const many = (value) => String(value ?? "").split(/[\s,]+/).filter(Boolean);
    router.go(`/search${parameters({ ...sent, repository: many(sent.repository), path: many(sent.path), lang: many(sent.lang) })}`);
  };
  const narrow = h("details", { open: Boolean(asked.repository.length || asked.path.length || asked.lang.length || asked.branch) },
    h("summary", {}, "Where to look"),
    h("div.columns", {},
      text("repository", "Repositories", asked.repository.join(" "), "left empty: all"),
      text("path", "Paths", asked.path.join(" "), "globs such as src/**/*.py"),
      text("lang", "Languages", asked.lang.join(" "), "such as python"),
      text("branch", "Branch", asked.branch ?? "", "left empty: the default one")));
  return h("form.search", { onsubmit: send, role: "search" },
    h("div.search-line", {}, h("label.unseen", { for: q.id = "q" }, "Pattern"), q, h("button.main", { type: "submit" }, "Search")),
    h("fieldset", {}, h("legend.unseen", {}, "How"), modes, box("case", "insensitive", "ignore case", asked.case === "insensitive"), box("word", "true", "whole words", asked.word)),
    narrow);
}

async function find(asked, results) {
  const [summary, list, more] = [h("p.faint", { role: "status" }, "searching…"), h("div"), h("p")];
  fill(results, summary, list, more);
  let [shown, took, last] = [0, 0, null];
  const page = async (cursor) => {
    const answer = await get("/api/search", { ...asked, word: asked.word ? "true" : null, limit: 50, context: asked.mode === "symbol" ? 0 : 2, cursor });
    took += answer.elapsed_ms;
    shown += answer.matches.length;
    last = draw(list, answer.matches, last);
    const words = `${format.count(shown)}${answer.next_cursor ? " or more" : ""} ${shown === 1 ? "match" : "matches"} in ${took.toFixed(1)} ms${answer.complete ? "" : `; not everything was looked at: ${answer.reason}`}`;
    fill(summary, words);
    announce(words);
    fill(more, answer.next_cursor ? action("Show more", () => page(answer.next_cursor)) : null);
    if (shown === 0) fill(list, empty("Nothing matches."));
  };
  try {
    await page(null);
  } catch (error) {
    fill(results, failure(error));
  }
}

/** Append matches, those of one file under one head; return the file of the last. */
function draw(list, matches, last) {
  for (const match of matches) {
    const key = `${match.repository}\0${match.path}\0${match.commit}`;
    if (last?.key !== key) {
      const code = h("div.code");
      list.append(h("section.file", {}, h("h2", {}, h("a", { href: fileLink(match) }, `${match.repository}: ${match.path}`), h("small", {}, ` ${match.branch} ${format.shortCommit(match.commit)}`)), code));
      last = { key, code, family: familyOf(match.path), line: 0 };
    }
    lines(match, last);
  }
  return last;
}

function lines(match, file) {
  const before = match.context_before ?? [];
  const first = match.line - before.length;
  if (file.line && first > file.line + 1) file.code.append(h("div.gap", {}, "⋯"));
  before.forEach((text, at) => put(first + at, text, [], false));
  put(match.line, match.text, match.ranges, true);
  (match.context_after ?? []).forEach((text, at) => put(match.line + 1 + at, text, [], false));

  function put(number, text, ranges, isHit) {
    if (number <= file.line) return;
    file.line = number;
    const symbol = isHit && match.symbol ? h("small.symbol", {}, `${match.symbol.kind}${match.symbol.scope ? ` of ${match.symbol.scope}` : ""}`) : null;
    file.code.append(h("div.line", { class: isHit ? "hit" : "" },
      h("a.line-number", { href: fileLink(match, number), "aria-label": `line ${number}` }, number),
      h("span.text", {}, coloured(text, file.family, ranges)), symbol));
  }
}

function fileLink(match, line = match.line) {
  const query = { repository: match.repository, path: match.path, branch: match.branch, commit: match.commit };
  return `/file${parameters(query)}${line ? `#L${line}` : ""}`;
}
