import { expect, test } from "vitest";
import { guardConfig } from "./config.js";
import { runHelp } from "./help.js";
import { RUN_FLAGS } from "./options.js";
import { parseRunArguments } from "./parse.js";

const base = ["--service", "orders-db", "--store", "dir:///var/lib/holdfast"];
const config = (flags: readonly string[], env = {}) =>
  guardConfig(parseRunArguments([...base, ...flags, "--", "mysqld", "--x"]), env);
const failure = async (argv: readonly string[]) => {
  try {
    await guardConfig(parseRunArguments(argv), {});
  } catch (error) {
    return error as { code: string; message: string; hint: string };
  }
  throw new Error("it was accepted");
};

test("the command after -- is untouched, also when it looks like flags of ours", async () => {
  const args = parseRunArguments([...base, "--", "sh", "-c", "echo --wait", "--wait=1s", "--", "--help"]);
  expect(args.command).toEqual(["sh", "-c", "echo --wait", "--wait=1s", "--", "--help"]);
  expect(args.help).toBe(false);
});

test("--wait alone has no limit, --wait=60s has one, without it nobody waits", async () => {
  expect((await config(["--wait"])).wait).toEqual({ kind: "wait", limitMs: null });
  expect((await config(["--wait=60s"])).wait).toEqual({ kind: "wait", limitMs: 60_000 });
  expect((await config(["--wait", "--first-run"])).firstRun).toBe(true);
  expect((await config([])).wait).toEqual({ kind: "none" });
});

test("numbers that are not given follow the lease", async () => {
  expect((await config([])).timing).toEqual({
    leaseMs: 30_000,
    renewMs: 3_000,
    stopBudgetMs: 10_000,
    marginMs: 4_500,
    guardMs: 500,
  });
  const { timing } = await config(["--lease-ms", "10000"]);
  expect(timing).toMatchObject({ leaseMs: 10_000, renewMs: 1_000, stopBudgetMs: 3_333 });
});

test.each([
  [[...base, "--servise", "x", "--", "a"], "USAGE", /Unknown flag --servise/, /--service/],
  [[...base], "USAGE", /No command/, /--/],
  [[...base, "--"], "USAGE", /No command/, /--/],
  [[...base, "stray", "--", "a"], "USAGE", /"stray"/, /after `--`/],
  [["--store", "dir:///x", "--", "a"], "USAGE", /No service/, /--service/],
  [["--service", "x", "--", "a"], "USAGE", /No store/, /--store/],
  [["--service", "Orders_DB", "--store", "dir:///x", "--", "a"], "USAGE", /not a service name/, /lower-case/],
  [[...base, "--wait=soon", "--", "a"], "USAGE", /not a duration/, /60s/],
  [[...base, "--lease-ms", "9000", "--lease-ms", "8000", "--", "a"], "USAGE", /--lease-ms is given twice/, /help/],
  [[...base, "--lease-ms", "many", "--", "a"], "USAGE", /whole milliseconds/, /help/],
  [[...base, "--stop-budget-ms", "28000", "--", "a"], "IMPOSSIBLE_BUDGET", /stopBudgetMs 28000/, /leaseMs 30000/],
  [[...base, "--volume", "rel", "--", "a"], "USAGE", /absolute/, /same/],
  [[...base, "--user", "no-such-user-here", "--", "a"], "INVALID_SPEC", /no-such-user-here/, /passwd/],
  [[...base, "--stop-signal", "SIGNOPE", "--", "a"], "USAGE", /SIGNOPE/, /SIGTERM/],
  [[...base, "--store-cert", "/x", "--", "a"], "USAGE", /belong together/, /both/],
  [[...base, "--policy", "promote-demote", "--", "a"], "USAGE", /--promote/, /help/],
  [
    ["--service", "x", "--store", "zookeeper://u:secret@h/x", "--", "a"],
    "BAD_CONFIGURATION",
    /credentials/,
    /--store-auth-file/,
  ],
] as const)("bad input %# is one message with a hint", async (argv, code, message, hint) => {
  const error = await failure(argv);
  expect(error.code).toBe(code);
  expect(error.message).toMatch(message);
  expect(error.hint).toMatch(hint);
  expect(`${error.message}${error.hint}`).not.toContain("secret");
});

test("the help text names every flag and every exit code", () => {
  const help = runHelp();
  for (const { name } of RUN_FLAGS) expect(help).toContain(`--${name}`);
  for (const code of ["64", "69", "70", "75", "78", "79", "80", "81", "82", "83", "84", "126", "127"])
    expect(help).toMatch(new RegExp(`^ +${code} `, "m"));
});

test("a flag that may be given several times keeps all of them; the same value twice is one", () => {
  const given = parseRunArguments(["--plugin-dir", "/a", "--plugin-dir", "/b:/c", "--wait", "--wait", "--", "x"]);
  expect(given.text("plugin-dir")).toBe("/a:/b:/c");
  expect(given.duration("wait")).toBeNull();
});
