// @ts-check

/** The page of `holdfast run`: the program's own help. @param {string} help */
export function runPage(help) {
  return `# holdfast run

Generated from the program's own help; \`holdfast run --help\` prints it. What its exit codes mean in detail is in
[exit codes](exit-codes.md), the errors behind them in [errors](errors.md).

\`\`\`text
${help.trimEnd()}
\`\`\`
`;
}
