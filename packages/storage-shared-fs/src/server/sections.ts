/** Pure: what a script printed, by its `@@ name` lines. */
export function parseSections(text: string): Readonly<Record<string, string>> {
  const sections: Record<string, string[]> = {};
  let lines: string[] | undefined;
  for (const line of text.split("\n")) {
    const name = /^@@ (\w+)$/.exec(line)?.[1];
    if (name !== undefined) {
      lines = [];
      sections[name] = lines;
    } else lines?.push(line);
  }
  return Object.fromEntries(Object.entries(sections).map(([name, content]) => [name, content.join("\n")]));
}

/** Not empty lines of a section. */
export function linesOf(sections: Readonly<Record<string, string>>, name: string): string[] {
  return (sections[name] ?? "").split("\n").filter((line) => line.trim() !== "");
}
