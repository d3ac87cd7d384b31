/**
 * A command whose last words are known only when the run has its grant (epoch and data directory come as environment
 * variables). The shell replaces itself, so the server is the wrapper's own child. Everything known before is passed
 * as an argument, `"$1"` and so on, and never becomes part of the script.
 */
export function lateCommand(script: string, ...args: readonly string[]): [string, ...string[]] {
  return ["/bin/sh", "-c", `exec ${script}`, "sh", ...args];
}
