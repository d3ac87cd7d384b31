import { describe, expect, test } from "vitest";
import { baseConfig, storageConfig } from "../../test/support/config.js";
import { VOLUME_PATH } from "../../test/support/simulated-volume.js";
import { type CHANNELS, World } from "../../test/support/world.js";
import type { GuardStorage } from "../storage-protocol.js";
import type { GuardEffect } from "./events.js";
import { describeStatus } from "./status.js";

const volume = { path: VOLUME_PATH, mustBeMounted: true, checkMs: 400, timeoutMs: 300 };

/** Everything goes well, but for the choices given. */
function world(storage: Partial<GuardStorage> = {}, choices: readonly number[] = [0]): World {
  return new World({ ...baseConfig, volume, storage: { ...storageConfig, ...storage } }, choices);
}

function running(storage: Partial<GuardStorage> = {}): World {
  const found = world(storage);
  found.settle();
  expect(found.state.phase).toBe("running");
  return found;
}

/** Delivers one event after the other, of these channels in turn. */
function untilItHolds(
  found: World,
  holds: (found: World) => boolean,
  channels: readonly (typeof CHANNELS)[number][],
): void {
  for (let events = 0; !holds(found); events++) {
    const channel = channels[events % channels.length];
    if (channel === undefined || events > 100) throw new Error("it does not come to that");
    found.deliverNext(channel);
  }
}

const asked = (effects: readonly GuardEffect[]) =>
  effects.flatMap((effect) => (effect.type === "to-storage" ? [effect.message.type] : []));
const released = (effects: readonly GuardEffect[]) =>
  effects.flatMap((effect) =>
    effect.type === "to-lock" && effect.message.type === "release" ? [effect.message.state.kind] : [],
  );

describe("a takeover", () => {
  test("is told by its parts, those of the strategy included", () => {
    const { laps } = running().state;
    expect(laps.map(({ name }) => name)).toEqual(["mount", "tree", "verify", "claim", "record", "start"]);
  });

  test("does not begin in a tree in which a strategy cannot mount", () => {
    const found = world({ mounts: true }, [3]);
    found.settle();
    expect(found.state.ending).toMatchObject({ code: "PROTECTION_MISSING" });
    expect(asked(found.effects)).toEqual([]);
    const standing = world({ mounts: false }, [3]);
    standing.settle();
    expect(standing.state.storage).toMatchObject({ kind: "present", treeKind: "subreaper" });
  });

  test("that a strategy does not finish ends with the code for that, and names what is under way", () => {
    const found = world();
    untilItHolds(found, ({ effects }) => asked(effects).length > 0, ["storage", "lock"]);
    found.deliverNext("strategies");
    expect(found.state.progress).toMatchObject({ what: "mount" });
    for (let passedMs = 0; found.state.phase === "preparing"; passedMs += 100) {
      for (const channel of ["storage", "lock"] as const) found.deliverNext(channel);
      found.pass(100);
      expect(passedMs).toBeLessThanOrEqual(baseConfig.attachTimeoutMs);
    }
    expect(found.state.ending).toMatchObject({ code: "BUSY", message: expect.stringContaining("mount is under way") });
    expect(found.state.progress).toBeNull();
  });
});

describe("a claim that a dead client keeps", () => {
  /** Up to the claim, which is then held for as long as the test says so. */
  function waiting(storage: Partial<GuardStorage>): World {
    const found = world(storage);
    untilItHolds(found, ({ state }) => state.claim === "asked", ["storage", "strategies", "lock", "init"]);
    found.deliver({ type: "init", keeper: "native", report: { type: "claim", result: "held" } });
    expect(found.state.phase).toBe("waiting-for-claim");
    return found;
  }

  test("is fenced after the strategy's time, once, naming the last holder", () => {
    const found = waiting({ claimFenceMs: 150 });
    found.pass(149);
    expect(asked(found.effects)).toEqual(["up"]);
    found.pass(1);
    expect(found.effects.findLast(({ type }) => type === "to-storage")).toMatchObject({
      message: { type: "fence-claim", agent: "agent-0", epoch: "6" },
    });
    found.settle();
    expect(found.state).toMatchObject({ phase: "running", claimFence: "done" });
    expect(asked(found.effects)).toEqual(["up", "fence-claim"]);
  });

  test("is waited for where nobody can fence, and where the storage process has ended", () => {
    const helpless = waiting({ claimFenceMs: null });
    helpless.pass(1_000);
    expect(helpless.state).toMatchObject({ claimFence: "none" });
    const deserted = waiting({ claimFenceMs: 150 });
    deserted.storage?.processExits();
    untilItHolds(deserted, ({ state }) => state.storage.kind === "present" && state.storage.stage === "deserted", [
      "storage",
    ]);
    deserted.pass(150);
    expect(deserted.state).toMatchObject({ phase: "waiting-for-claim", claimFence: "impossible" });
    expect(asked(deserted.effects)).toEqual(["up"]);
  });
});

describe("the end", () => {
  test("unmounts, kills the tree, releases; the phase's limit covers all of it", () => {
    const found = running();
    found.applicationExits(0);
    untilItHolds(found, ({ state }) => state.phase === "settling", ["init"]);
    const { phaseLimitMs } = describeStatus(found.state, found.reading());
    const { settleMs, leftoverMs, cutMs } = found.state.limits;
    expect(phaseLimitMs).toBeGreaterThanOrEqual(settleMs + leftoverMs + cutMs);
    found.settle();
    expect(asked(found.effects)).toEqual(["up", "down"]);
    expect(found.effects.some(({ type }) => type === "cut-storage")).toBe(false);
    expect(released(found.effects)).toEqual(["released"]);
  });

  test("without the storage process cuts, and releases all the same", () => {
    const found = running();
    found.storage?.processExits();
    found.settle();
    expect(found.state).toMatchObject({ phase: "running", storage: { stage: "deserted" } });
    found.applicationExits(0);
    found.settle();
    expect(asked(found.effects)).toEqual(["up"]);
    expect(found.effects.filter(({ type }) => type === "cut-storage")).toHaveLength(1);
    expect(released(found.effects)).toEqual(["released"]);
  });

  test("of an application that hangs in the kernel together with its volumes is a yield, and comes", () => {
    const found = running();
    found.unkillable = true;
    if (found.storage !== undefined) found.storage.unkillable = true;
    found.deliver({ type: "signal", signal: "SIGTERM" });
    for (let round = 0; round < 40 && found.outcome === undefined; round++) {
      found.settle();
      found.pass(250);
    }
    expect(found.outcome?.report).toMatchObject({
      released: false,
      cause: expect.stringContaining("outlived SIGKILL"),
    });
    expect(released(found.effects)).toEqual(["yield"]);
  });
});
