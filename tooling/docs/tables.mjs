// @ts-check

/** Every generated page begins with it, so that nobody edits the wrong file. */
const notice = (/** @type {string} */ source) =>
  `<!-- Generated from ${source} by \`pnpm fix\`. Change the source, not this page. -->`;

/** @param {string} text */
function cell(text) {
  return text.replaceAll("|", "\\|").replaceAll("\n", " ");
}

/**
 * @param {readonly string[]} heads
 * @param {ReadonlyArray<readonly string[]>} rows
 */
export function table(heads, rows) {
  const line = (/** @type {readonly string[]} */ cells) => `| ${cells.map(cell).join(" | ")} |`;
  return [line(heads), line(heads.map(() => "---")), ...rows.map(line)].join("\n");
}

/**
 * @param {string} title
 * @param {readonly string[]} blocks
 * @param {string} source
 */
export function page(title, blocks, source = "packages/core") {
  return `${[`# ${title}`, notice(source), ...blocks].join("\n\n")}\n`;
}

/** @param {string} text */
export function sentence(text) {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}`;
}
