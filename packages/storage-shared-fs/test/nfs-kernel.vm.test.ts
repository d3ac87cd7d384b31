import type { Volume } from "@holdfast/core";
import { monotonicMs } from "@holdfast/effects";
import { NFS_LEASE_SECONDS, type NodeHalf, nfsRecipe, until } from "@holdfast/testkit";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { fullOf, killWithUnwritten, proveFence, REFUSED, staysFullOf } from "./proofs.js";
import { DATA, failure, type NfsScene, startNfsScene, withOptions, withServer } from "./scene.js";

const unavailable = nfsRecipe({ server: "kernel" }).unavailable();

describe.skipIf(unavailable !== undefined)(`NFSv4 on the kernel's server ${unavailable ?? ""}`, () => {
  let scene: NfsScene;
  let one: NodeHalf;
  let two: NodeHalf;
  /** On the first agent, outside of every run's tree: where `cut` is called. */
  let outside: NodeHalf;
  let basics: Volume;

  beforeAll(async () => {
    scene = await startNfsScene({ server: "kernel" });
    const [first, second] = scene.world.agents;
    [one, two, outside] = await Promise.all([scene.half(first), scene.half(second), scene.half(first, "none")]);
  });

  afterAll(() => scene?.close());

  const former = (epoch: bigint) => ({ agent: one.agent.id, epoch, bootId: null });
  const timed = async <T>(call: Promise<T>) => {
    const beganMs = monotonicMs();
    const result = await call;
    return { result, tookMs: monotonicMs() - beganMs };
  };

  test("mounts hard, with a cache of its own, and locks at the server", async () => {
    basics = await scene.world.createVolume("basics");
    await scene.hold(one, basics, 1n, "A");
    const mount = (await one.mounts()).filter(({ mountPoint }) => mountPoint === basics.mountPath);
    expect(mount).toHaveLength(1);
    expect(mount[0]?.options).toEqual(expect.arrayContaining(["nosuid", "nodev"]));
    expect(mount[0]?.superOptions).toEqual(
      expect.arrayContaining(["rw", "vers=4.2", "hard", "nosharecache", "proto=tcp", "local_lock=none", "timeo=50"]),
    );
    // The same call again changes nothing.
    await one.mount(basics, {}, scene.grant(one.agent, 1n));
    expect((await one.mounts()).filter(({ mountPoint }) => mountPoint === basics.mountPath)).toEqual(mount);
    expect(await one.verify(basics, scene.grant(one.agent, 1n))).toMatchObject({
      mounted: true,
      readOnly: false,
      locking: "cross-agent",
    });
    // Nobody else sees it: neither the agent outside of the tree nor another agent.
    expect((await outside.mounts()).some(({ mountPoint }) => mountPoint === basics.mountPath)).toBe(false);
    expect((await failure(two.mount(basics, {}, scene.grant(two.agent, 2n)))).code).toMatch(/NOT_FOUND|DENIED/);
  });

  test("one agent at a time, and no older epoch", async () => {
    const { strategy, op } = scene;
    expect(await failure(strategy.attach(op, basics, two.agent.id, scene.grant(two.agent, 2n)))).toMatchObject({
      code: "HELD_BY_OTHER",
    });
    expect(await strategy.observe(op, basics)).toMatchObject({
      exists: true,
      attachments: [{ agent: one.agent.id, epoch: 1n }],
      fenced: [],
    });
    expect(await failure(strategy.attach(op, basics, one.agent.id, scene.grant(one.agent, 0n)))).toMatchObject({
      code: "STALE_EPOCH",
    });
    const missing = withServer(basics, { exportPath: "/none", directory: "/srv/nfs/export/none" });
    const nowhere = { ...missing, service: "nowhere" };
    expect(await failure(strategy.attach(op, nowhere, two.agent.id, scene.grant(two.agent, 2n)))).toMatchObject({
      code: "NOT_FOUND",
    });
  });

  test("names what is wrong with a mount or an export", async () => {
    const { strategy, op } = scene;
    const grant = scene.grant(one.agent, 1n);
    const verify = (volume: Volume) => failure(one.verify(volume, grant));
    const other = withOptions(basics, { source: `${scene.world.nfs.address}:/other` });
    expect(await verify(other)).toMatchObject({ code: "IDENTITY_MISMATCH" });
    const absent = withOptions({ ...basics, mountPath: "/srv/holdfast" }, { mount: "operator" });
    expect(await failure(one.check(absent, {}))).toMatchObject({ code: "VOLUME_MISSING" });
    const exported = async (...exportOptions: string[]) => {
      const volume = withServer(basics, { exportOptions: [...exportOptions, "sync", "no_subtree_check"] });
      await strategy.attach(op, volume, one.agent.id, grant);
      return volume;
    };
    expect(await verify(await exported("ro", "no_root_squash"))).toMatchObject({ code: "VOLUME_READ_ONLY" });
    expect(await verify(await exported("rw", "root_squash"))).toMatchObject({
      code: "DENIED",
      hint: expect.stringContaining("no_root_squash"),
    });
    expect(await strategy.inspect?.(op, basics)).toEqual(
      expect.arrayContaining([expect.objectContaining({ code: "ROOT_SQUASH" })]),
    );
    await exported("rw", "no_root_squash");
    expect(await one.verify(basics, grant)).toMatchObject({ mounted: true });
    expect(await strategy.inspect?.(op, basics)).toEqual([
      expect.objectContaining({ code: "LOCK_LEASE", severity: "info" }),
    ]);
  });

  test("a directory that was replaced at the server is a stale handle, and says so", async () => {
    const volume = await scene.world.createVolume("replaced");
    await scene.hold(one, volume, 1n, "A");
    const { directory } = scene.world.nfs.place("replaced");
    await scene.world.nfs.shell(`rm -r ${directory}; mkdir ${directory}`);
    const seen = await until(
      "the handle to be stale",
      async () => {
        const outcome = await one.verify(volume, scene.grant(one.agent, 1n)).catch((error: Error) => error.message);
        return typeof outcome === "string" && /stale/i.test(outcome) ? outcome : undefined;
      },
      { timeoutMs: 30_000, intervalMs: 500 },
    );
    expect(seen).toContain("stale handle");
  });

  test("a server that hangs holds nobody up: looks, unmount and cut come back in their time and tell the truth", async () => {
    const volume = await scene.world.createVolume("hung");
    const held = await scene.hold(one, volume, 1n, "A");
    const impatient = withOptions(volume, { lookTimeoutMs: 1_500, unmountTimeoutMs: 1_500, cutTimeoutMs: 1_500 });
    await scene.world.servers.hang();
    try {
      const looked = await timed(failure(one.verify(impatient, scene.grant(one.agent, 1n))));
      expect(looked.result).toMatchObject({ code: "VOLUME_HUNG" });
      expect(looked.tookMs).toBeLessThan(5_000);
      // Not by the runner: whoever has a file with unwritten data open cannot start a program while the server hangs, as
      // the child's copy of the descriptor is flushed when exec closes it.
      const argv = ["dd", "if=/dev/zero", `of=${volume.mountPath}/data/other`, "bs=64k", "count=1", "status=none"];
      await one.help("start", { argv });
      const unmounted = await timed(failure(one.unmount(impatient)));
      expect(unmounted.result).toMatchObject({ code: "VOLUME_HUNG" });
      expect(unmounted.tookMs).toBeLessThan(5_000);
      const cut = await timed(outside.cut(impatient));
      expect(cut.result).toMatchObject({ kind: "incomplete", needsFence: expect.stringContaining("device") });
      expect(cut.tookMs).toBeLessThan(scene.strategy.capabilities(impatient).cutMsMax);
    } finally {
      await scene.world.servers.resume();
    }
    expect(await one.verify(volume, scene.grant(one.agent, 1n))).toMatchObject({ mounted: true });
    for (const file of [held.buffered, held.direct]) await one.help("close", { file });
    await one.unmount(volume);
    await one.unmount(volume);
    // Another volume of the same server is still mounted; the note of the device tells the two apart.
    await until("a cut", async () => (await one.cut(volume)).kind === "cut", { timeoutMs: 30_000 });
  });

  test("the claim of a cut agent ends with the server's lease; that of a stopped run lasts until the fence", async () => {
    const volume = withOptions(await scene.world.createVolume("claimed"), { mount: "operator" });
    const { strategy, op } = scene;
    await strategy.attach(op, volume, one.agent.id, scene.grant(one.agent, 1n));
    const { source } = volume.options as { source: string };
    for (const half of [one, two]) {
      await half.help("makeDirectory", { path: volume.mountPath });
      const argv = ["mount", "-t", "nfs4", "-o", "vers=4.2,hard,timeo=50,retrans=2", source, volume.mountPath];
      expect(await half.help("exec", { argv, timeoutMs: 30_000 })).toMatchObject({ exitCode: 0 });
    }
    await one.mount(volume, {}, scene.grant(one.agent, 1n));
    await one.help("mark", { path: volume.mountPath, service: volume.service, role: volume.role });
    const path = `${volume.mountPath}/.holdfast/claim`;
    const take = async () => (await two.help("lock", { path }, { timeoutMs: 60_000 })) ?? undefined;

    const first = await one.help("lock", { path });
    if (first === null) throw new Error("the claim of a new volume is held");
    expect(await take()).toBeUndefined();
    await one.agent.cut();
    const freed = await timed(until("the claim", take, { timeoutMs: 3 * NFS_LEASE_SECONDS * 1_000, intervalMs: 250 }));
    console.log(`a cut agent's claim was free after ${Math.round(freed.tookMs)} ms`);
    expect(freed.tookMs).toBeLessThan(strategy.capabilities(volume).claimWaitMs);
    await two.help("unlock", { lock: freed.result });
    await one.agent.heal();

    // The old holder's kernel still believes in the lock that the server gave away.
    await one.help("unlock", { lock: first }, { timeoutMs: 60_000 });
    const retake = async () => (await one.help("lock", { path }, { timeoutMs: 60_000 })) ?? undefined;
    await until("the agent to be back", retake, { timeoutMs: 60_000, intervalMs: 500 });
    await one.stop();
    const untilMs = monotonicMs() + 1.5 * NFS_LEASE_SECONDS * 1_000;
    await until(
      "one and a half leases",
      async () => {
        expect(await take(), "the kernel of a stopped run keeps its locks").toBeUndefined();
        return monotonicMs() > untilMs;
      },
      { timeoutMs: 60_000, intervalMs: 1_000 },
    );
    const { evidence } = await strategy.fence(op, volume, former(1n), scene.grant(two.agent, 2n));
    expect(evidence).toContain("locks on the claim: none");
    expect(await take()).not.toBeUndefined();
    await one.resume();
    const late = await failure(one.help("open", { path }, { timeoutMs: 90_000 }));
    expect(late.message).toMatch(REFUSED);
  });

  test("fenced by us and healed, an old descriptor writes nothing: buffered, direct, or opened again", async () => {
    const { fenceMs, said, evidence } = await proveFence(scene, "proof", one, two);
    console.log(`fence ${Math.round(fenceMs)} ms\n${said.join("\n")}\n${evidence}`);
    const table = evidence.split("\n").find((line) => line.startsWith("exportfs -s"));
    expect(table).not.toMatch(new RegExp(`/proof +${one.agent.address}`));
  });

  test("a fence survives the server's restart, and the holder goes on", async () => {
    const volume = await scene.world.createVolume("restart");
    await scene.hold(one, volume, 1n, "A");
    await scene.strategy.fence(scene.op, volume, former(1n), scene.grant(two.agent, 2n));
    const held = await scene.hold(two, volume, 2n, "N");
    await scene.world.servers.kill();
    await scene.world.servers.start();
    await two.help("write", { file: held.direct, ...DATA, pattern: "M" }, { timeoutMs: 90_000 });
    await staysFullOf("M", two, held.file, 1_000);
    expect((await failure(one.help("list", { path: volume.mountPath }, { timeoutMs: 90_000 }))).message).toMatch(
      REFUSED,
    );
    // The same fence again says the same; the agent stays out until it is let in.
    const { strategy, op } = scene;
    await strategy.fence(op, volume, former(1n), scene.grant(two.agent, 2n));
    await strategy.detach(op, volume, two.agent.id);
    expect(await failure(strategy.attach(op, volume, one.agent.id, scene.grant(one.agent, 3n)))).toMatchObject({
      code: "DENIED",
    });
    await strategy.unfence(op, volume, one.agent.id);
    await strategy.attach(op, volume, one.agent.id, scene.grant(one.agent, 3n));
    // Until then nobody gets a lock that is not an old one.
    const graceOver = async () => (await scene.world.nfs.shell("cat /proc/fs/nfsd/v4_end_grace")).startsWith("Y");
    await until("the server's grace period to end", graceOver, { timeoutMs: 60_000, intervalMs: 500 });
  });

  test("lost update: what a killed run had buffered does not land on its successor's data once it is fenced", async () => {
    const volume = await scene.world.createVolume("fenced-kill");
    const held = await scene.hold(one, volume, 1n, "A");
    const tree = await killWithUnwritten(one, held);
    console.log(`tree of the cut agent: ${tree}`);
    const cut = await outside.cut(volume);
    expect(cut).toMatchObject({ kind: "incomplete", needsFence: expect.stringContaining("unwritten") });
    await scene.strategy.fence(scene.op, volume, former(1n), scene.grant(two.agent, 2n));
    const { file } = await scene.hold(two, volume, 2n, "N");
    await outside.agent.heal();
    // Refused by the server, the kernel gives the dead run's data up and drops the file system.
    await until("nothing to be left of it", async () => (await outside.cut(volume)).kind === "cut", {
      timeoutMs: 90_000,
    });
    await staysFullOf("N", two, file, 10_000);
  });

  test("control: without a fence the same sequence loses the successor's data, and the plan says so", async () => {
    const exported = await scene.world.createVolume("unfenced");
    const volume = withOptions(exported, { server: { kind: "none" } });
    for (const { address } of scene.world.agents) {
      await scene.world.nfs.shell(`exportfs -i -o rw,sync,no_subtree_check,no_root_squash ${address}:/unfenced`);
    }
    const again = await scene.half(outside.agent);
    const held = await scene.hold(again, volume, 1n, "A");
    await killWithUnwritten(again, held);
    expect(await outside.cut(volume)).toMatchObject({ kind: "incomplete" });
    expect(await failure(scene.strategy.fence(scene.op, volume, former(1n), scene.grant(two.agent, 2n)))).toMatchObject(
      { code: "UNFENCEABLE" },
    );
    const { file } = await scene.hold(two, volume, 2n, "N");
    await outside.agent.heal();
    await until(
      "the dead run's data to land",
      async () => (await two.help("read", { path: file, ...DATA, drop: true })) === fullOf("O"),
      { timeoutMs: 90_000, intervalMs: 500 },
    );
    expect(scene.strategy.capabilities(volume).declaredGrade).toBe("lease-only");
    expect(scene.strategy.explain(volume).statements.join()).toContain("may overwrite what the successor wrote");
  });
});
