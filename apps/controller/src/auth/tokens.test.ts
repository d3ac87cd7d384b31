import { chmod, mkdtemp, readFile, rm, stat, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { addToken, hasRole, ROLES, Tokens } from "./tokens.js";

const AT = "2026-01-01T00:00:00.000Z";
let directory: string;
let file: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "holdfast-tokens-"));
  file = join(directory, "tokens.json");
});

afterEach(async () => {
  vi.restoreAllMocks();
  await rm(directory, { recursive: true });
});

test("only the hash is written, to a file of one's own, and the token finds its caller", async () => {
  const token = await addToken(file, { name: "alice", role: "operate" }, AT);
  expect(await readFile(file, "utf8")).not.toContain(token);
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  const tokens = await Tokens.open(file);
  expect(await tokens.find(token)).toEqual({ name: "alice", role: "operate" });
  for (const wrong of ["", `${token}x`, token.slice(0, -1)]) expect(await tokens.find(wrong)).toBeUndefined();
});

test("a second one of the same name takes the place of the first, soon also in a program that runs", async () => {
  const first = await addToken(file, { name: "alice", role: "admin" }, AT);
  const tokens = await Tokens.open(file);
  const second = await addToken(file, { name: "alice", role: "view" }, AT);
  await utimes(file, 1, 1); // another time of change, however coarse the file system's clock
  const nowMs = performance.now();
  vi.spyOn(performance, "now").mockReturnValue(nowMs + 1_001);
  expect(await tokens.find(first)).toBeUndefined();
  expect(await tokens.find(second)).toEqual({ name: "alice", role: "view" });
});

test("a file that others may write, that is damaged, empty or missing is refused", async () => {
  const refused = () => expect(Tokens.open(file)).rejects.toMatchObject({ code: "BAD_CONFIGURATION" });
  await refused();
  await writeFile(file, '{"v":1,"tokens":[]}', { mode: 0o600 });
  await refused();
  await addToken(file, { name: "alice", role: "view" }, AT);
  await chmod(file, 0o620);
  await refused();
  await chmod(file, 0o600);
  await Tokens.open(file);
  await writeFile(file, "{}");
  await refused();
  await expect(addToken(file, { name: "bob", role: "view" }, AT)).rejects.toMatchObject({ code: "BAD_CONFIGURATION" });
});

test("roles contain one another", () => {
  const held = ROLES.map((role) => ROLES.map((needed) => hasRole({ name: "x", role }, needed)));
  expect(held).toEqual([
    [true, false, false],
    [true, true, false],
    [true, true, true],
  ]);
});
