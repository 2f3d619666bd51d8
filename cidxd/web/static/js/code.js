// Code in colours: comments, strings, numbers and keywords, line by line, enough to read by.

import { h } from "./dom.js";

const WORDS = {
  c: "auto break case char class const constexpr continue default delete do double else enum explicit export extern final finally float for friend goto if implements import inline instanceof int interface long namespace new noexcept nullptr null operator override package private protected public register return short signed sizeof static static_cast struct super switch synchronized template this throw throws transient true false try typedef typename union unsigned using virtual void volatile while bool boolean byte func go chan defer fallthrough map range select type var let fn impl match mod mut pub ref self Self trait unsafe use where async await crate dyn move loop function of typeof in yield extends abstract as readonly foreach string object out params sealed is event nil",
  hash: "and as assert async await break class continue def del elif else except False finally for from global if import in is lambda None nonlocal not or pass raise return True try while with yield begin case do end ensure module next nil redo rescue retry self super then undef unless until when alias fi esac done function local export echo exit true false match",
};
const FAMILIES = {
  hash: ["py", "pyi", "rb", "sh", "bash", "zsh", "toml", "yml", "yaml", "mk", "makefile", "dockerfile", "cfg", "ini", "conf", "pl", "r"],
  c: ["c", "h", "cc", "cpp", "hpp", "cxx", "java", "js", "mjs", "jsx", "ts", "tsx", "go", "rs", "cs", "php", "swift", "kt", "scala", "css", "scss", "json"],
};
const RULES = {
  c: /(?<comment>\/\/.*|\/\*.*?(?:\*\/|$)|^\s*\*(?:\s.*)?$)|(?<string>"(?:[^"\\]|\\.)*"?|'(?:[^'\\]|\\.)*'?|`(?:[^`\\]|\\.)*`?)|(?<number>\b(?:0[xXbBoO][\da-fA-F_]+|\d[\d_]*(?:\.\d+)?)\b)|(?<word>[A-Za-z_$][\w$]*)/g,
  hash: /(?<comment>#.*)|(?<string>"(?:[^"\\]|\\.)*"?|'(?:[^'\\]|\\.)*'?)|(?<number>\b(?:0[xXbBoO][\da-fA-F_]+|\d[\d_]*(?:\.\d+)?)\b)|(?<word>[A-Za-z_]\w*)/g,
};
const KEYWORDS = Object.fromEntries(Object.entries(WORDS).map(([family, words]) => [family, new Set(words.split(" "))]));
const CLASSES = { word: "keyword", number: "number-literal" };
const LONGEST = 2000; // characters of a line that are coloured

/** Return which rules suit a path: "c", "hash", or null for plain text. */
export function familyOf(path) {
  const name = path.split("/").pop().toLowerCase();
  const end = name.includes(".") ? name.split(".").pop() : name;
  return Object.keys(FAMILIES).find((family) => FAMILIES[family].includes(end)) ?? null;
}

/** Return nodes for one line; `ranges` are [start, end) in code points, and are marked. */
export function coloured(text, family, ranges = []) {
  const marks = ranges.map(([start, end]) => [units(text, start), units(text, end)]);
  const tokens = family === null || text.length > LONGEST ? [] : tokensOf(text, family);
  const edges = new Set([0, text.length, ...marks.flat(), ...tokens.flatMap(([start, end]) => [start, end])]);
  const places = [...edges].filter((at) => at <= text.length).sort((a, b) => a - b);
  const nodes = [];
  for (let at = 0; at + 1 < places.length; at += 1) {
    const [start, end] = [places[at], places[at + 1]];
    const kind = tokens.find(([from, to]) => from <= start && end <= to)?.[2];
    const piece = text.slice(start, end);
    const node = kind ? h(`span.${kind}`, {}, piece) : piece;
    nodes.push(marks.some(([from, to]) => from <= start && end <= to) ? h("mark", {}, node) : node);
  }
  return nodes;
}

function tokensOf(text, family) {
  const found = [];
  for (const match of text.matchAll(RULES[family])) {
    const kind = Object.keys(match.groups).find((name) => match.groups[name] !== undefined);
    if (kind === "word" && !KEYWORDS[family].has(match[0])) continue;
    found.push([match.index, match.index + match[0].length, CLASSES[kind] ?? kind]);
  }
  return found;
}

/** Code points to UTF-16 units, which JavaScript counts in. */
function units(text, points) {
  let at = 0;
  for (let left = points; left > 0 && at < text.length; left -= 1) at += text.codePointAt(at) > 0xffff ? 2 : 1;
  return at;
}
