import { describe, expect, test } from "vitest";
import { baseConfig } from "../../test/support/config.js";
import { VOLUME_PATH } from "../../test/support/simulated-volume.js";
import { World } from "../../test/support/world.js";
import type { GuardConfig } from "./config.js";
import type { GuardEffect } from "./events.js";

const STOP_MS = baseConfig.timing.leaseMs - baseConfig.timing.marginMs - baseConfig.timing.stopBudgetMs;
const CUT_MS = STOP_MS + baseConfig.timing.stopBudgetMs;

/** A world in which everything goes well, as far as the application runs. */
function running(config: Partial<GuardConfig> = {}): World {
  const world = new World({ ...baseConfig, ...config }, [0]);
  world.settle();
  expect(world.state.phase).toBe("running");
  return world;
}

function messages(effects: readonly GuardEffect[], type: string) {
  return effects.flatMap((effect) =>
    effect.type === "to-lock" && effect.message.type === type ? [effect.message] : [],
  );
}

function commands(effects: readonly GuardEffect[], type: string) {
  return effects.flatMap((effect) =>
    effect.type === "to-init" && effect.command.type === type ? [effect.command] : [],
  );
}

/** What the next act brought. */
function since(world: World, act: () => void): readonly GuardEffect[] {
  const before = world.effects.length;
  act();
  return world.effects.slice(before);
}

describe("a confirmation", () => {
  test("moves the deadline by its stamp, not by its arrival, and once", () => {
    const world = running();
    world.pass(250);
    const stamp = world.now;
    world.pass(100);
    const sent = since(world, () => world.settle());
    const cutNs = BigInt(Math.round((stamp.bootMs + CUT_MS) * 1e6));
    expect(commands(sent, "deadline")).toEqual([{ type: "deadline", bootNs: cutNs }]);
    const confirmed = world.delivered.findLast(
      (event) => event.type === "lock-message" && event.message.type === "confirmed",
    );
    if (confirmed === undefined) throw new Error("nothing was confirmed");
    expect(
      commands(
        since(world, () => world.deliver(confirmed)),
        "deadline",
      ),
    ).toEqual([]);
  });

  test("that is older than what is known moves the deadline neither way", () => {
    const world = running();
    world.pass(250);
    world.settle();
    const old = world.delivered.findLast(
      (event) => event.type === "lock-message" && event.message.type === "confirmed",
    );
    world.pass(250);
    world.settle();
    if (old === undefined) throw new Error("nothing was confirmed");
    const grant = world.state.grant;
    expect(
      commands(
        since(world, () => world.deliver(old)),
        "deadline",
      ),
    ).toEqual([]);
    expect(world.state.grant).toEqual(grant);
  });
});

describe("a grant over a run that may still write", () => {
  test("waits for a receipt of that epoch; one of an earlier epoch is not enough", () => {
    const world = new World(baseConfig, [0]);
    const deliver = world.deliver.bind(world);
    const pendingFence = { epoch: "5", agent: "agent-0", what: "a process hangs" };
    world.deliver = (event) =>
      deliver(
        event.type === "lock-message" && event.message.type === "granted"
          ? { ...event, message: { ...event.message, pendingFence } }
          : event,
      );
    world.settle();
    const granted = world.delivered.find((event) => event.type === "lock-message" && event.message.type === "granted");
    if (granted?.type !== "lock-message") throw new Error("nothing was granted");
    const receipt = (epoch: string) =>
      since(world, () => {
        world.deliver({ ...granted, message: { type: "fenced", epoch } });
        world.settle();
      });
    expect(world.state.preparation.fence).toBe("waiting");
    receipt("4");
    expect(world.state.preparation.fence).toBe("waiting");
    expect(world.state.phase).not.toBe("running");
    receipt("5");
    expect(world.state.phase).toBe("running");
  });
});

describe("without confirmations", () => {
  test("the clean stop begins exactly at the stop deadline, SIGKILL comes with the end of the budget", () => {
    const world = running();
    const { stamp } = world.state.grant ?? { stamp: world.now };
    world.stopLock(true);
    world.pass(STOP_MS - (world.now.monoMs - stamp.monoMs) - 1);
    expect(world.state.phase).toBe("running");
    const sent = since(world, () => world.pass(1));
    expect(commands(sent, "signal")).toEqual([{ type: "signal", number: 15 }]);
    expect(world.state.phase).toBe("stopping");
  });

  test("a stall of the guard beyond the cut deadline is noticed before anything that waited to be read", () => {
    const world = running();
    world.pass(250);
    world.stall(CUT_MS);
    const sent = since(world, () => world.deliverNext("lock"));
    expect(commands(sent, "kill")).toHaveLength(1);
    expect(world.state.ending).toMatchObject({ code: "LEASE_LOST" });
    expect(
      commands(
        since(world, () => world.settle()),
        "deadline",
      ),
    ).toEqual([]);
  });

  test("a stall shorter than that does no harm when a confirmation waited to be read", () => {
    const world = running();
    world.pass(250);
    world.stall(STOP_MS - 300);
    world.deliverNext("lock");
    world.settle();
    world.deliver({ type: "wake" });
    expect(world.state.phase).toBe("running");
  });

  test("time that passed in suspend counts", () => {
    const world = running();
    const sent = since(world, () => world.pass(1, CUT_MS));
    world.deliver({ type: "wake" });
    expect(commands([...sent, ...world.effects], "kill").length).toBeGreaterThan(0);
    expect(world.state.ending).toMatchObject({ code: "LEASE_LOST" });
  });
});

describe("the lock process", () => {
  test("is replaced at once under the same grant, and later and later when it goes on dying", () => {
    const world = running();
    world.lockDies();
    const first = since(world, () => world.deliverNext("lock"));
    expect(first.find((effect) => effect.type === "start-lock")).toMatchObject({
      config: { resume: { run: "run-1", epoch: "7", created: "c" } },
    });
    expect(messages(first, "tree")).toHaveLength(1);
    world.lockDies();
    const second = since(world, () => world.settle());
    expect(second.filter((effect) => effect.type === "start-lock")).toEqual([]);
    expect(since(world, () => world.pass(100)).filter((effect) => effect.type === "start-lock")).toHaveLength(1);
    expect(world.state.phase).toBe("running");
  });

  test("is killed when it says nothing for the silence limit, and not before", () => {
    const world = running();
    world.pass(250);
    world.settle();
    world.stopLock(true);
    // The next renewal is not answered; from then on the limit runs.
    const kills = (effects: readonly GuardEffect[]) => effects.filter((effect) => effect.type === "kill-lock");
    expect(kills(since(world, () => world.pass(250 + 990)))).toEqual([]);
    expect(kills(since(world, () => world.pass(20)))).toHaveLength(1);
  });

  test("that only dies before there is a grant ends the run", () => {
    const world = new World(baseConfig, [0]);
    for (let death = 0; death < 6; death++) {
      world.lockDies();
      world.deliverNext("lock");
      while (world.deliverNext("lock"));
      world.pass(300);
    }
    world.settle();
    expect(world.outcome).toMatchObject({ exitCode: 70, report: { code: "INTERNAL", epoch: null } });
  });
});

describe("the tree", () => {
  test("is asked whether it lives with each deadline, and nothing is renewed while it does not say so", () => {
    const world = running();
    world.pass(250);
    world.settle();
    world.stopInit(true);
    world.pass(250);
    while (world.deliverNext("lock"));
    expect(
      messages(
        since(world, () => world.pass(600)),
        "renew",
      ),
    ).toEqual([]);
    world.stopInit(false);
    world.settle();
    expect(
      messages(
        since(world, () => world.pass(300)),
        "renew",
      ),
    ).toHaveLength(1);
  });

  test("that cannot be killed: the lease is renewed on, then yields and names it, and the code is the cause's", () => {
    const volume = running({ volume: { path: VOLUME_PATH, mustBeMounted: true, checkMs: 400, timeoutMs: 300 } });
    volume.unkillable = true;
    volume.mounts = [];
    const sent = since(volume, () => {
      for (let time = 0; time < 40; time++) {
        volume.pass(100);
        volume.settle();
      }
    });
    expect(messages(sent, "renew").length).toBeGreaterThan(8);
    expect(sent.filter((effect) => effect.type === "hurry-tree")).toHaveLength(1);
    expect(messages(sent, "release")).toEqual([
      {
        type: "release",
        state: { kind: "yield", needsFence: expect.stringContaining("outlived SIGKILL by 2000 ms") },
        note: expect.stringContaining("VOLUME_MISSING"),
      },
    ]);
    expect(volume.outcome).toMatchObject({ exitCode: 81, report: { code: "VOLUME_MISSING", released: false } });
  });
});

test("a volume's first look that is no answer ends the run before the lease is asked for", () => {
  const volume = { path: VOLUME_PATH, mustBeMounted: true, checkMs: 400, timeoutMs: 300 };
  const world = new World({ ...baseConfig, volume }, [1]);
  world.settle();
  expect(messages(world.effects, "acquire")).toEqual([]);
  expect(world.state.ending).toMatchObject({ code: "VOLUME_HUNG" });
});
