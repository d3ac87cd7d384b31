// A volume that was left unclean comes back by itself where that is safe, and stops with the exact command where it is not.
import { execFileSync, spawnSync } from "node:child_process";
import { type NbdWorld, nbdRecipe } from "@holdfast/testkit";
import { beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { signalRun } from "./run.js";
import { openStage, openStorageScene, type StorageScene, untilGone } from "./scene.js";
import { executable } from "./suite.js";

const recipe = nbdRecipe("nbdkit", "ext4");
const APPEND = 'while :; do echo "$HOLDFAST_EPOCH" >>"$HOLDFAST_DATA_DIR/log"; sync "$HOLDFAST_DATA_DIR/log"; done';
const missing = recipe.unavailable();

describe.skipIf(missing !== undefined)(`unclean volumes${missing === undefined ? "" : `: ${missing}`}`, () => {
  let scene: StorageScene;
  let image: string;

  /** Killed while it writes, server and all: the journal is left dirty. */
  beforeEach(async () => {
    const stage = await openStage(recipe);
    onTestFinished(() => stage.close());
    const opened = await openStorageScene({ stage, strategy: "nbd", executable, format: true });
    onTestFinished(() => opened.close());
    scene = opened;
    image = (stage.world as NbdWorld).machine.imageOf(scene.volume.service);
    const [first] = scene.world.agents;
    const run = scene.start(first, ["sh", "-c", APPEND], ["--wait"]);
    await run.untilLine(/runs under epoch/, 60_000);
    await scene.world.servers.kill();
    await signalRun(run, "SIGKILL");
    await run.untilExit(10_000);
    await untilGone(run, 10_000);
    await scene.world.servers.start();
    expect(state(image)).toContain("needs_recovery");
  });

  test("a dirty journal is replayed as a step of its own, and the run goes on", async () => {
    const [, second] = scene.world.agents;
    const run = scene.start(second, ["sh", "-c", 'wc -l <"$HOLDFAST_DATA_DIR/log"'], ["--wait"]);
    expect(await run.untilExit(60_000)).toBe(0);
    const split = run.lines.find(({ text }) => text.includes("from the grant to the start"))?.text;
    expect(split).toMatch(/fence .*check .*repair .*mount .*verify /);
    expect(Number(run.lines.find(({ text }) => /^\d+$/.test(text))?.text)).toBeGreaterThan(0);
  });

  test("real damage ends the run with NEEDS_REPAIR and the command; after it the service comes back", async () => {
    const [, second] = scene.world.agents;
    // As in the file system's own tests: the root directory's inode is gone.
    // First replayed, or the journal would bring it back; 1 says that it was.
    expect(spawnSync("e2fsck", ["-fy", image]).status).toBeLessThanOrEqual(1);
    execFileSync("debugfs", ["-w", "-R", "clri <2>", image], { stdio: "ignore" });
    execFileSync("debugfs", ["-w", "-R", "set_super_value state 2", image], { stdio: "ignore" });
    const refused = scene.start(second, ["true"], ["--wait"]);
    expect(await refused.untilExit(60_000)).toBe(81);
    expect(refused.log()).toContain("NEEDS_REPAIR");
    const command = /then: (.*) \(NEEDS_REPAIR\)/.exec(refused.log())?.[1];
    expect(command).toBeDefined();
    // Exactly as it was printed; 1 says "corrected".
    const repaired = spawnSync("sh", ["-c", command ?? "false"], { encoding: "utf8" });
    expect(repaired.status, `${refused.log()}\n${repaired.stdout}${repaired.stderr}`).toBeLessThanOrEqual(1);
    const again = scene.start(second, ["true"], ["--wait"]);
    const code = await again.untilExit(60_000);
    // The root directory was rebuilt, and everything in it is in lost+found: repaired, and not the volume it was.
    expect([code, again.log()]).toEqual([82, expect.stringContaining("IDENTITY_MISMATCH")]);
  });
});

function state(image: string): string {
  return execFileSync("dumpe2fs", ["-h", image], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
}
