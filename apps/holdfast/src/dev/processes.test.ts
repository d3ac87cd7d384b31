import { spawn } from "node:child_process";
import { once } from "node:events";
import { afterEach, expect, test } from "vitest";
import { carries, findTrees, isWrapper, killLikeMachine, type SeenProcess, stateOf } from "./processes.js";

const mark = `HOLDFAST_DEV_CLUSTER=unit-${process.pid}` as const;
const [name, value] = mark.split("=") as [string, string];
const find = () => findTrees(carries(mark));

afterEach(async () => {
  await killLikeMachine(find, 5_000);
});

/** A parent with the mark, and a child that threw the environment away, as some servers do. */
async function startPair(): Promise<SeenProcess[]> {
  const parent = spawn("sh", ["-c", "env -i sleep 60 & echo up; wait"], {
    env: { PATH: process.env.PATH, [name]: value },
    stdio: ["ignore", "pipe", "ignore"],
  });
  await once(parent.stdout, "data");
  for (;;) {
    const found = find();
    if (found.some((seen) => seen.argv[0] === "sleep")) return found;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

test("finds what carries the mark, and children that threw it away", async () => {
  const found = await startPair();
  expect(found.map((seen) => seen.argv[0]).sort()).toEqual(["sh", "sleep"]);
});

test("the death of a machine leaves nothing", async () => {
  const found = await startPair();
  const { killed } = await killLikeMachine(find, 5_000);
  expect(killed.map((seen) => seen.pid).sort()).toEqual(found.map((seen) => seen.pid).sort());
  expect(found.map(stateOf).every((state) => state === "gone" || state === "Z")).toBe(true);
  expect(find()).toEqual([]);
});

test.each([
  [["/usr/bin/node", "/x/holdfast.cjs", "run", "--", "redis-server"], 7, true],
  [["/usr/bin/node", "/x/holdfast.cjs", "__lock"], 8, true],
  [["holdfast-lock"], 8, true],
  [["/run/holdfast/holdfast-init-0123", "supervise"], 9, true],
  [["unshare", "--pid"], 9, true],
  [["redis-server 127.0.0.1:6379 epoch-3"], 9, false],
  [["postgres: checkpointer "], 9, false],
])("%j of the run of guard 7 as pid %i: wrapper %s", (argv, pid, wrapper) => {
  // A pid that surely is no process, so that only the arguments speak.
  const seen = { pid: pid === 7 ? 7 : 2 ** 22 + pid, startTicks: "1", state: "S", ppid: 1, argv };
  expect(isWrapper(seen, 7)).toBe(wrapper);
});
