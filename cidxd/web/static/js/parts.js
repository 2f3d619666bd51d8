// Small pieces that several views show.

import { fill, h, say } from "./dom.js";
import * as format from "./format.js";

const ticking = new Set();
setInterval(() => {
  for (const node of ticking) {
    if (node.isConnected) say(node, format.ago(node.dateTime));
    else ticking.delete(node);
  }
}, 5000);

/** A relative time that keeps up, with the exact one on hover. */
export function time(instant) {
  if (!instant) return h("span.faint", {}, "never");
  const node = h("time", { datetime: instant, title: format.exact(instant) }, format.ago(instant));
  ticking.add(node);
  return node;
}

/** A status in a word and a colour, never by colour alone. */
export function badge(job) {
  const node = h("span.badge");
  const update = (now) => {
    const word = now.status === "completed" && now.outcome ? now.outcome : now.status;
    node.dataset.status = now.status;
    say(node, word);
  };
  update(job);
  return { node, update };
}

/** A progress bar; `update` takes the percentage and words. */
export function bar(label) {
  const node = h("progress", { max: 100, value: 0, "aria-label": label });
  return {
    node,
    update(percentage, words) {
      const text = `${Math.floor(percentage)} %, ${words}`;
      if (node.value !== percentage) node.value = percentage;
      if (node.getAttribute("aria-valuetext") !== text) node.setAttribute("aria-valuetext", text);
    },
  };
}

export function jobLink(job) {
  return h("a.mono", { href: `/jobs/${job.job_id}`, title: job.job_id }, format.shortId(job.job_id));
}

export function repositoryLink(name) {
  return h("a", { href: `/repositories/${encodeURIComponent(name)}` }, name);
}

/** What went wrong, with what to do about it. */
export function failure(error) {
  return h("div.problem", { role: "alert" },
    h("strong", {}, error.message || "something went wrong"),
    error.hint ? h("p", {}, error.hint) : null,
    error.code ? h("code.faint", {}, error.code) : null);
}

/** What to show where there is nothing yet, and what to do first. */
export function empty(words, ...more) {
  return h("div.empty", {}, h("p", {}, words), ...more);
}

/**
 * A button that is off while its work runs, and shows what went wrong beside itself.
 * `confirm` asks first, in place.
 */
export function action(label, work, { confirm = null, kind = "" } = {}) {
  const words = h("span.action-words", { role: "status" });
  const button = h("button", { type: "button", class: kind }, label);
  const run = async () => {
    const around = ancestors(words);
    button.disabled = true;
    fill(words);
    try {
      await work();
    } catch (error) {
      fill(words, `${error.message}${error.hint ? `: ${error.hint}` : ""}`);
    } finally {
      button.disabled = false;
      // A button that is off loses the focus, and with it the keyboard its place.
      if (document.activeElement === document.body) keepPlace([button, ...around]);
    }
  };
  button.addEventListener("click", () => {
    if (confirm === null) return run();
    const yes = h("button.danger", { type: "button", onclick: () => { reset(); run(); } }, confirm);
    const no = h("button", { type: "button", onclick: () => { reset(); button.focus(); } }, "No");
    const reset = () => { question.replaceWith(button); };
    const onkeydown = (event) => event.key === "Escape" && no.click();
    const question = h("span.question", { role: "group", "aria-label": `${label}?`, onkeydown }, yes, no);
    button.replaceWith(question);
    no.focus();
  });
  return h("span.action", {}, button, words);
}

/** Give the focus to the first of *nodes* that is still there: what was acted on may be gone. */
function keepPlace(nodes) {
  const node = nodes.find((one) => one.isConnected);
  if (node?.tabIndex === -1) node.setAttribute("tabindex", "-1");
  node?.focus({ preventScroll: true });
}

function ancestors(node) {
  const found = [];
  for (let at = node.parentElement; at; at = at.parentElement) found.push(at);
  return found;
}

/** A labelled field of a form. */
export function field(label, input, hint = "") {
  input.id ||= `field-${Math.random().toString(36).slice(2)}`;
  const note = hint ? h("small", { id: `${input.id}-hint` }, hint) : null;
  if (note) input.setAttribute("aria-describedby", note.id);
  return h("div.field", {}, h("label", { for: input.id }, label), input, note);
}
