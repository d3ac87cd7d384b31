import { type NodeHalf, nfsRecipe } from "@holdfast/testkit";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { proveFence, REFUSED } from "./proofs.js";
import { failure, type NfsScene, startNfsScene } from "./scene.js";

const unavailable = nfsRecipe({ server: "ganesha" }).unavailable();

describe.skipIf(unavailable !== undefined)(`NFSv4 on ganesha ${unavailable ?? ""}`, () => {
  let scene: NfsScene;
  let one: NodeHalf;
  let two: NodeHalf;

  beforeAll(async () => {
    scene = await startNfsScene({ server: "ganesha" });
    const [first, second] = scene.world.agents;
    [one, two] = await Promise.all([scene.half(first), scene.half(second)]);
  });

  afterAll(() => scene?.close());

  test("fenced by us and healed, an old descriptor writes nothing: buffered, direct, or opened again", async () => {
    const { fenceMs, said, evidence } = await proveFence(scene, "proof", one, two);
    console.log(`fence ${Math.round(fenceMs)} ms\n${said.join("\n")}\n${evidence}`);
    expect(evidence).toContain("Reread exports complete");
  });

  test("the fence ends the claim of a run whose kernel goes on renewing it", async () => {
    const volume = await scene.world.createVolume("claimed");
    const { strategy, op } = scene;
    await scene.hold(one, volume, 1n, "A");
    const path = `${volume.mountPath}/.holdfast/claim`;
    expect(await one.help("lock", { path })).not.toBeNull();
    await one.stop();
    expect(await failure(strategy.attach(op, volume, two.agent.id, scene.grant(two.agent, 2n)))).toMatchObject({
      code: "HELD_BY_OTHER",
    });
    const former = { agent: one.agent.id, epoch: 1n, bootId: null };
    const { evidence } = await strategy.fence(op, volume, former, scene.grant(two.agent, 2n));
    expect(evidence).toContain("locks on the claim: none");
    await scene.hold(two, volume, 2n, "N");
    expect(await two.help("lock", { path }, { timeoutMs: 60_000 })).not.toBeNull();
    // The same fence again, late: the new holder keeps its lock.
    await strategy.fence(op, volume, former, scene.grant(two.agent, 2n));
    expect(await two.help("lock", { path })).toBeNull();
    await one.resume();
    expect((await failure(one.help("open", { path }, { timeoutMs: 90_000 }))).message).toMatch(REFUSED);
  });

  test("a fence survives the server's restart; doctor knows its lease and what it includes", async () => {
    const volume = await scene.world.createVolume("restart");
    const { strategy, op } = scene;
    await scene.hold(one, volume, 1n, "A");
    await strategy.fence(op, volume, { agent: one.agent.id, epoch: 1n, bootId: null }, scene.grant(two.agent, 2n));
    await scene.hold(two, volume, 2n, "N");
    await scene.world.servers.kill();
    await scene.world.servers.start();
    await two.verify(volume, scene.grant(two.agent, 2n), { timeoutMs: 90_000 }).catch((error: { code: string }) => {
      // Ganesha's grace period may outlast one look.
      expect(error.code).toBe("VOLUME_HUNG");
    });
    expect((await failure(one.help("list", { path: volume.mountPath }, { timeoutMs: 90_000 }))).message).toMatch(
      REFUSED,
    );
    expect(await strategy.inspect?.(op, volume)).toEqual([
      expect.objectContaining({ code: "LOCK_LEASE", severity: "info" }),
    ]);
    const notIncluded = { ...(volume.options as { server: object }).server, file: "/srv/nfs/elsewhere.conf" };
    const findings = await strategy.inspect?.(op, {
      ...volume,
      options: { ...(volume.options as object), server: notIncluded },
    });
    expect(findings).toEqual(expect.arrayContaining([expect.objectContaining({ code: "NOT_INCLUDED" })]));
  });
});
