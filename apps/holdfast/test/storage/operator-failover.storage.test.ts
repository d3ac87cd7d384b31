// `holdfast failover`: one command fences a holder that does not answer, and the next run starts on what it left.
import { join } from "node:path";
import { nbdRecipe } from "@holdfast/testkit";
import { describe, expect, onTestFinished, test } from "vitest";
import { onAgent, signalRun } from "./run.js";
import { openStage, openStorageScene } from "./scene.js";
import { executable } from "./suite.js";

const recipe = nbdRecipe("nbdkit", "ext4");
const missing = recipe.unavailable();
/** One line per run that ever started. */
const WRITE = 'echo "$HOLDFAST_EPOCH" >>"$HOLDFAST_DATA_DIR/log"; sync; echo written; while :; do sleep 0.2; done';

interface Result {
  readonly released: boolean;
  readonly receipts: readonly { readonly agent: string; readonly role: string; readonly evidence: string }[];
  readonly split: readonly { readonly name: string; readonly ms: number }[];
}

describe.skipIf(missing !== undefined)(
  `an operator's failover on ${recipe.backend}${missing === undefined ? "" : `: ${missing}`}`,
  () => {
    test("a stopped holder is fenced with a receipt, the next run does not fence it again, and starts", async () => {
      const stage = await openStage(recipe);
      onTestFinished(() => stage.close());
      const scene = await openStorageScene({ stage, strategy: "nbd", executable, format: true });
      onTestFinished(() => scene.close());
      const [first, second] = scene.world.agents;
      const holder = scene.start(first, ["sh", "-c", WRITE], ["--wait"]);
      await holder.untilLine(/^written$/, 60_000);
      const candidate = scene.start(second, ["sh", "-c", WRITE], ["--wait"]);
      await candidate.untilLine(/waiting/i, 60_000);

      const about = ["-f", join(scene.directory, "service.yaml"), "--store", scene.storeUrl];
      const plan = await onAgent(second, [...executable, "failover", ...about, "--dry-run"]);
      expect(plan).toMatch(new RegExp(`fence: .* fence ${scene.service} ${first.id} \\d+ \\d+\n`));
      expect(holder.exit()).toBeUndefined();

      await signalRun(holder, "SIGSTOP");
      const output = await onAgent(second, [...executable, "failover", ...about, "--now", "--confirm", "--json"]);
      const result = JSON.parse(output.slice(output.indexOf("{"))) as Result;
      expect(result.released).toBe(false);
      expect(result.receipts).toMatchObject([{ agent: first.id, role: "data" }]);
      expect(result.receipts[0]?.evidence).not.toBe("");
      await candidate.untilLine(/^written$/, 60_000);
      const steps = candidate.lines.find(({ text }) => text.includes("from the grant to the start"))?.text;
      expect(steps).not.toContain("fence ");
      console.log(
        `operator's failover on ${recipe.backend}: ${result.split.map(({ name, ms }) => `${name} ${ms} ms`).join(", ")}`,
      );

      await signalRun(holder, "SIGCONT");
      expect(await holder.untilExit(60_000)).not.toBe(0);
      expect(candidate.exit()).toBeUndefined();
      await signalRun(candidate, "SIGTERM", "holdfast.* run ");
      await candidate.untilExit(30_000);
      const log = await scene.read(second, join(scene.volume.mountPath, "data", "log"));
      const [before, after, ...more] = log.trim().split("\n");
      expect(more).toEqual([]);
      expect(BigInt(after ?? 0)).toBe(BigInt(before ?? 0) + 1n);
    });
  },
);
