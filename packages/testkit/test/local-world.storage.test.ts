import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type LocalWorld, localRecipe } from "../src/storage/index.js";

let world: LocalWorld;

beforeAll(async () => {
  expect(localRecipe().unavailable()).toBeUndefined();
  world = await localRecipe().start();
});
afterAll(async () => {
  await world.close();
  expect(readFileSync("/proc/self/mountinfo", "utf8")).not.toContain("holdfast-local-");
});

function on(agent: number, argv: readonly string[], timeout = 10_000): string {
  const [file = "", ...args] = world.agents[agent]?.command(argv) ?? [];
  return execFileSync(file, args, {
    encoding: "utf8",
    timeout,
    killSignal: "SIGKILL",
    stdio: ["ignore", "pipe", "pipe"],
  });
}

const pathOf = (volume: { options: unknown }) => (volume.options as { path: string }).path;

test("what one machine writes is not on the other's disk, at the same path", async () => {
  const path = pathOf(await world.createVolume("apart"));
  on(0, ["touch", join(path, "only-here")]);
  expect(on(0, ["ls", path])).toBe("only-here\n");
  expect(on(1, ["ls", path])).toBe("");
  expect(readFileSync("/proc/self/mountinfo", "utf8")).not.toContain("holdfast-local-");
});

test("a machine off the network keeps its disk", async () => {
  const path = pathOf(await world.createVolume("alone"));
  const server = createServer((socket) => socket.end());
  await once(server.listen(0, world.hostAddress), "listening");
  const { port } = server.address() as AddressInfo;
  // Not in this process, which is the server.
  const reach = async () => {
    const [file = "", ...args] = world.agents[0].command([
      "timeout",
      "2",
      "bash",
      "-c",
      `: </dev/tcp/${world.hostAddress}/${port}`,
    ]);
    const [code] = (await once(spawn(file, args, { stdio: "ignore" }), "exit")) as [number];
    return code === 0;
  };
  try {
    expect(await reach()).toBe(true);
    await world.agents[0].cut();
    expect(await reach()).toBe(false);
    on(0, ["touch", join(path, "written")]);
    await world.agents[0].heal();
    expect(await reach()).toBe(true);
  } finally {
    server.close();
  }
});

test("a hung disk takes no write until it is back", async () => {
  const path = pathOf(await world.createVolume("hung"));
  on(0, ["touch", join(path, "before")]);
  await world.servers.hang();
  await world.servers.hang();
  try {
    expect(on(0, ["ls", path])).toBe("before\n");
    const write = ["timeout", "--signal=KILL", "0.3", "touch", join(path, "during")];
    // timeout(1) cannot reap what hangs in the kernel, so it is given up on from here.
    expect(() => on(0, write, 500)).toThrow();
    expect(on(0, ["ls", path])).toBe("before\n");
  } finally {
    await world.servers.resume();
  }
  on(0, ["touch", join(path, "after")]);
});

test("a full disk says ENOSPC, and is as before afterwards", async () => {
  const volume = await world.createVolume("full");
  const free = await world.servers.fill?.(volume);
  const write = ["dd", "if=/dev/zero", `of=${join(pathOf(volume), "more")}`, "bs=4k", "count=1", "status=none"];
  expect(() => on(0, write)).toThrow(/No space left on device/);
  await free?.();
  on(0, write);
});
