// @ts-check

/**
 * @typedef {object} CodeBlock
 * @property {string} language
 * @property {readonly string[]} flags - The words that follow the language.
 * @property {string} text
 * @property {number} line - Where its first line of code is, counted from 1.
 */

/**
 * @param {string} markdown
 * @returns {CodeBlock[]}
 */
export function codeBlocks(markdown) {
  return [...fences(markdown)].map(({ info, body, line }) => {
    const [language = "", ...flags] = info.split(/\s+/);
    return { language, flags, text: body, line };
  });
}

/**
 * Links to other files and to headings; what is written as code is not a link.
 *
 * @param {string} markdown
 * @returns {Array<{ target: string, line: number }>}
 */
export function links(markdown) {
  const prose = withoutCode(markdown);
  const inline = /!?\[(?:[^\]\\]|\\.)*\]\(\s*<?([^)\s>]+)>?(?:\s+"[^"]*")?\s*\)/g;
  const definition = /^ {0,3}\[[^\]]+\]:\s*<?(\S+?)>?(?:\s+"[^"]*")?\s*$/gm;
  const html = /<(?:a|img)\b[^>]*?\b(?:href|src)="([^"]+)"/g;
  return [inline, definition, html].flatMap((pattern) =>
    [...prose.matchAll(pattern)].map((match) => ({ target: match[1] ?? "", line: lineAt(prose, match.index) })),
  );
}

/**
 * The anchors that GitHub gives the headings of a page, and those written as HTML.
 *
 * @param {string} markdown
 * @returns {Set<string>}
 */
export function anchors(markdown) {
  const prose = withoutFences(markdown);
  const found = new Set([...prose.matchAll(/<a\s+(?:id|name)="([^"]+)"/g)].map((match) => match[1] ?? ""));
  /** @type {Map<string, number>} */
  const seen = new Map();
  for (const match of prose.matchAll(/^#{1,6}\s+(.+?)\s*#*$/gm)) {
    const slug = slugOf(match[1] ?? "");
    const times = seen.get(slug) ?? 0;
    seen.set(slug, times + 1);
    found.add(times === 0 ? slug : `${slug}-${times}`);
  }
  return found;
}

/** @param {string} heading */
function slugOf(heading) {
  return heading
    .replaceAll(/!?\[([^\]]*)\]\([^)]*\)/g, "$1")
    .replaceAll(/<[^>]+>/g, "")
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\p{M}_\- ]/gu, "")
    .replaceAll(" ", "-");
}

/** @param {string} markdown */
function* fences(markdown) {
  const lines = markdown.split("\n");
  for (let index = 0; index < lines.length; index += 1) {
    const open = /^( {0,3})(`{3,}|~{3,})\s*([^`]*)$/.exec(lines[index] ?? "");
    if (open === null) continue;
    const [, indent = "", fence = "", info = ""] = open;
    const start = index + 1;
    do index += 1;
    while (index < lines.length && !isClosing(lines[index] ?? "", fence));
    const body = lines.slice(start, index).map((line) => line.replace(new RegExp(`^ {0,${indent.length}}`), ""));
    yield { info: info.trim(), body: `${body.join("\n")}\n`, line: start + 1, from: start - 1, to: index };
  }
}

/**
 * @param {string} line
 * @param {string} fence
 */
function isClosing(line, fence) {
  const trimmed = line.trim();
  return trimmed.length >= fence.length && [...trimmed].every((character) => character === fence[0]);
}

/**
 * Blanks the fenced blocks and keeps the line numbers.
 *
 * @param {string} markdown
 */
function withoutFences(markdown) {
  const lines = markdown.split("\n");
  for (const { from, to } of fences(markdown)) lines.fill("", from, to + 1);
  return lines.join("\n");
}

/** @param {string} markdown */
function withoutCode(markdown) {
  return withoutFences(markdown).replaceAll(/(`+)(?!`)[^\n]*?[^`]\1(?!`)/g, (code) => " ".repeat(code.length));
}

/**
 * @param {string} text
 * @param {number} offset
 */
function lineAt(text, offset) {
  return text.slice(0, offset).split("\n").length;
}
