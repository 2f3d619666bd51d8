// Making and changing elements.  Nothing here, or anywhere, turns text into markup.

const SVG = "http://www.w3.org/2000/svg";

/**
 * Make an element.
 * @param {string} tag "td", or with classes: "td.number.faint".
 * @param {object} props `on*` are listeners, `class` adds classes, `style` sets custom
 *   properties or declarations, `data` sets data attributes, true is an empty attribute;
 *   null, undefined and false are left out.
 * @param {...(Node|string|number|null|undefined|false|Array)} children
 */
export function h(tag, props = {}, ...children) {
  const [name, ...classes] = tag.split(".");
  return furnished(document.createElement(name), classes, props, children);
}

/** Make an SVG element; the arguments are those of `h`. */
export function s(tag, props = {}, ...children) {
  const [name, ...classes] = tag.split(".");
  return furnished(document.createElementNS(SVG, name), classes, props, children);
}

/** Put `children` in the place of what `node` holds. */
export function fill(node, ...children) {
  node.replaceChildren(...flat(children));
  return node;
}

/** Put what `make` returns into `node`, if `facts` are other ones than the last time. */
export function drawn(node, facts, make) {
  const words = JSON.stringify(facts);
  if (node.cidxFacts === words) return;
  node.cidxFacts = words;
  fill(node, make());
}

/** Set the text of `node` if it is another one: an unchanged node costs no layout. */
export function say(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/**
 * Make the children of `parent` be one per item, in order, keeping those that are there.
 * @param {(item: any) => {node: Element, update: (item: any) => void}} make A part: its node,
 *   and what brings it up to date, called when the item is another object than before.
 */
export function keyed(parent, items, keyOf, make) {
  const parts = (parent.cidxParts ??= new Map());
  const wanted = new Map(items.map((item) => [String(keyOf(item)), item]));
  for (const [key, part] of parts) {
    if (!wanted.has(key)) {
      part.node.remove();
      part.close?.();
      parts.delete(key);
    }
  }
  let place = parent.firstChild;
  for (const [key, item] of wanted) {
    let part = parts.get(key);
    if (part === undefined) parts.set(key, (part = make(item)));
    if (part.item !== item) {
      part.item = item;
      part.update(item);
    }
    if (part.node === place) place = place.nextSibling;
    else parent.insertBefore(part.node, place);
  }
}

/** Return what runs `work` once in the next frame, however often it is asked for until then. */
export function framed(work) {
  let isAsked = false;
  return () => {
    if (isAsked) return;
    isAsked = true;
    requestAnimationFrame(() => {
      isAsked = false;
      work();
    });
  };
}

/** Tell a screen reader something that the eye sees anyway. */
export function announce(text) {
  say(document.getElementById("announcer"), text);
}

function furnished(node, classes, props, children) {
  node.classList.add(...classes);
  for (const [name, value] of Object.entries(props)) put(node, name, value);
  node.append(...flat(children));
  return node;
}

function put(node, name, value) {
  if (value === null || value === undefined || value === false) return;
  if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
  else if (name === "class") node.classList.add(...value.split(" ").filter(Boolean));
  else if (name === "data") Object.assign(node.dataset, value);
  else if (name === "style") for (const [key, to] of Object.entries(value)) node.style.setProperty(key, to);
  else node.setAttribute(name, value === true ? "" : String(value));
}

function flat(children) {
  return children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false);
}
