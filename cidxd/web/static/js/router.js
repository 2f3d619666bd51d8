// From the address to a view.  Everything a view shows by choice stands in its address.

import { fill, h } from "./dom.js";
import { failure } from "./parts.js";

/**
 * A view is `(context) => {title, node, close?}` or a promise of it, `context` having
 * `parts` (of the path), `query` (URLSearchParams) and what `start` was given.
 */
export class Router {
  constructor(main, routes, context) {
    this.main = main;
    this.routes = routes;
    this.context = context;
    this.turn = 0;
    addEventListener("popstate", this.listener = () => this.show());
    document.addEventListener("click", this.clicked = (event) => this.#clicked(event));
  }

  close() {
    removeEventListener("popstate", this.listener);
    document.removeEventListener("click", this.clicked);
    this.view?.close?.();
  }

  go(address, { replace = false } = {}) {
    history[replace ? "replaceState" : "pushState"](null, "", address);
    return this.show();
  }

  /** Change the query without building the view anew, as one types. */
  note(query) {
    history.replaceState(null, "", location.pathname + query);
  }

  async show() {
    const turn = (this.turn += 1);
    this.view?.close?.();
    this.view = null;
    let view;
    try {
      view = await this.#made();
    } catch (error) {
      view = { title: "Not shown", node: failure(error) };
    }
    if (turn !== this.turn) return view.close?.();
    this.view = view;
    document.title = `${view.title} · cidx`;
    fill(this.main, view.node);
    for (const link of document.querySelectorAll("nav a")) {
      const isHere = link.pathname === "/" ? location.pathname === "/" : location.pathname.startsWith(link.pathname);
      link.toggleAttribute("aria-current", isHere);
      if (isHere) link.setAttribute("aria-current", "page");
    }
    scrollTo(0, 0);
    this.main.focus({ preventScroll: true });
  }

  #made() {
    for (const [pattern, view] of this.routes) {
      const found = pattern.exec(location.pathname);
      if (found) {
        const parts = found.slice(1).map(decodeURIComponent);
        return view({ ...this.context, parts, query: new URLSearchParams(location.search), router: this });
      }
    }
    return { title: "No such page", node: h("p", {}, "There is no such page. ", h("a", { href: "/" }, "To the start")) };
  }

  #clicked(event) {
    const link = event.target.closest?.("a[href]");
    const isPlain = event.button === 0 && !(event.metaKey || event.ctrlKey || event.shiftKey || event.altKey);
    if (!link || !isPlain || link.origin !== location.origin || link.target || event.defaultPrevented) return;
    if (link.pathname.startsWith("/api/") || link.pathname.startsWith("/static/")) return;
    if (link.hash && link.pathname === location.pathname) return;
    event.preventDefault();
    this.go(link.href);
  }
}
