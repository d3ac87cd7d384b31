/** Results go to standard output; bigints as decimal strings. */
export function printJson(value: unknown): void {
  const text = JSON.stringify(value, (_, field: unknown) => (typeof field === "bigint" ? field.toString() : field), 2);
  process.stdout.write(`${text}\n`);
}

export function printLines(lines: readonly string[]): void {
  for (const line of lines) process.stdout.write(`${line}\n`);
}
