// @ts-check
import { readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { runExample, runSession, sessionsOf } from "./docs-examples.mjs";

/**
 * @param {string} language
 * @param {string} text
 */
const block = (language, text) => ({ language, text, flags: ["test"], line: 1 });

test("an example that works has no problem", async () => {
  expect(await runExample("docs/a.md", block("sh", "command -v holdfast\n"))).toBeUndefined();
});

test("an example fails at its first failing line, and its output is shown", async () => {
  const problem = await runExample("docs/a.md", block("sh", "echo before\nfalse\necho after\n"));
  expect(problem).toContain("exit code 1");
  expect(problem).toContain("before");
  expect(problem).not.toContain("after");
});

test("TypeScript runs with what the page's package can import, itself included", async () => {
  const text =
    'import { EXIT_CODES } from "@holdfast/core";\nconst code: number = EXIT_CODES.USAGE;\nif (code !== 64) throw new Error("no");\n';
  expect(await runExample("packages/core/README.md", block("ts", text))).toBeUndefined();
  expect(await runExample("packages/core/README.md", block("ts", 'throw new Error("seen");'))).toContain("seen");
});

test("a block in a language that cannot be run is a problem, not a pass", async () => {
  expect(await runExample("docs/a.md", block("yaml", "a: 1"))).toContain("no way to run");
});

test("what an example leaves running is ended", async () => {
  const file = join(tmpdir(), `holdfast-example-${process.pid}`);
  expect(await runExample("docs/a.md", block("sh", `sleep 60 & echo $! > ${file}\n`))).toBeUndefined();
  const pid = readFileSync(file, "utf8").trim();
  rmSync(file);
  // A killed process may wait a moment for its parent to collect it.
  await expect.poll(() => stateOf(pid)).toMatch(/^(gone|Z)$/);
});

/** @param {string} pid */
function stateOf(pid) {
  try {
    return readFileSync(`/proc/${pid}/stat`, "utf8")
      .replace(/^.*\) /, "")
      .charAt(0);
  } catch {
    return "gone";
  }
}

test("an example that is continued finds what the one before left, and the first failure ends it", async () => {
  const first = { ...block("sh", "echo kept > file\n"), line: 3 };
  const second = { ...block("sh", "grep -q kept file\nexit 3\n"), flags: ["test", "continued"], line: 9 };
  const third = { ...block("sh", "exit 4\n"), flags: ["test", "continued"], line: 12 };
  const other = { ...block("sh", "test ! -e file\n"), line: 20 };
  const unmarked = { ...block("sh", "exit 5\n"), flags: [], line: 25 };
  const sessions = sessionsOf([first, second, third, other, unmarked]);
  expect(sessions).toEqual([[first, second, third], [other]]);
  expect(await runSession("docs/a.md", [first, second, third])).toMatchObject({
    line: 9,
    problem: expect.stringContaining("exit code 3"),
  });
  expect(await runSession("docs/a.md", [other])).toBeUndefined();
});
