import type { MountEntry, Volume } from "@holdfast/core";
import { createFakeOp, createLoopback, type Loopback } from "@holdfast/testkit";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { MesosMaster } from "./operator/mesos-master.fixture.js";
import { createMesosVolumeStrategy } from "./strategy.js";

let loopback: Loopback;
beforeEach(() => {
  loopback = createLoopback();
});
afterEach(() => loopback.close());

const options = { framework: "demo-controller", api: { endpoints: ["http://master.example:5050"] } };
const volume: Volume = { service: "orders-db", role: "data", mountPath: "/srv/db", diskMiB: 1_000, options };

interface Info {
  roles?: string[];
  role?: string;
  principal?: string;
  checkpoint?: boolean;
  failover_timeout?: number;
  name?: string;
  id?: { value: string };
}

async function start(change: (info: Info) => void = () => undefined, flags: Readonly<Record<string, string>> = {}) {
  const master = new MesosMaster("operator-GET_AGENTS-running.response");
  master.flags = flags;
  const { frameworks } = master.frameworks as { frameworks: { framework_info: Info }[] };
  for (const { framework_info } of frameworks) change(framework_info);
  const client = await master.connect(loopback);
  return { master, strategy: createMesosVolumeStrategy({ connect: () => client, sandbox: null }) };
}

const codes = async (change?: (info: Info) => void, flags?: Readonly<Record<string, string>>, of = volume) => {
  const { strategy } = await start(change, flags);
  return (await strategy.inspect(createFakeOp(), of))
    .map(({ code }) => code)
    .filter((code) => code !== "MESOS_AGENT_LOSS");
};

describe("prerequisites of a resident app", () => {
  test("a framework as it was recorded has them all", async () => {
    expect(await codes()).toEqual([]);
  });

  test.each<[string, (info: Info) => void, string]>([
    [
      "only the role *",
      (info) => {
        info.roles = ["*"];
      },
      "MESOS_ROLE_MISSING",
    ],
    [
      "no roles, and the old form's *",
      (info) => {
        info.roles = [];
        info.role = "*";
      },
      "MESOS_ROLE_MISSING",
    ],
    [
      "no principal",
      (info) => {
        delete info.principal;
      },
      "MESOS_PRINCIPAL_MISSING",
    ],
    [
      "no checkpoints",
      (info) => {
        info.checkpoint = false;
      },
      "MESOS_NO_CHECKPOINT",
    ],
    [
      "no failover timeout",
      (info) => {
        info.failover_timeout = 0;
      },
      "MESOS_NO_FAILOVER_TIMEOUT",
    ],
    [
      "another name",
      (info) => {
        info.name = "marathon";
      },
      "MESOS_FRAMEWORK_UNKNOWN",
    ],
  ])("%s", async (_, change, code) => {
    expect(await codes(change)).toEqual([code]);
  });

  test("another role than the service file's", async () => {
    const other = { ...volume, options: { ...options, mesosRole: "db" } };
    expect(await codes(undefined, {}, other)).toEqual(["MESOS_ROLE_OTHER"]);
  });

  test("a role that others use, and a framework registered twice", async () => {
    const { master, strategy } = await start();
    const list = master.frameworks as { frameworks: { framework_info: Info }[] };
    const [first] = list.frameworks;
    if (first === undefined) throw new Error("a framework was recorded");
    list.frameworks.push({ ...first, framework_info: { ...first.framework_info, id: { value: "other" } } });
    const found = (await strategy.inspect(createFakeOp(), volume)).map(({ code }) => code);
    expect(found).toEqual(expect.arrayContaining(["MESOS_ROLE_SHARED", "MESOS_FRAMEWORK_TWICE"]));
  });

  const acls = (value: object) => ({ acls: JSON.stringify(value) });
  const mine = { principals: { values: ["demo-controller"] } };
  test.each<[string, Readonly<Record<string, string>>, string[]]>([
    ["permits everything", {}, []],
    [
      "permits by a rule",
      acls({
        permissive: false,
        reserve_resources: [{ ...mine, roles: { type: "ANY" } }],
        create_volumes: [{ ...mine, roles: { values: ["demo"] } }],
      }),
      [],
    ],
    [
      "permits below a role",
      acls({
        permissive: false,
        reserve_resources: [{ ...mine, roles: { values: ["dem/%", "demo"] } }],
        create_volumes: [mine],
      }),
      [],
    ],
    ["forbids by a rule", acls({ reserve_resources: [{ ...mine, roles: { type: "NONE" } }] }), ["MESOS_RIGHT_DENIED"]],
    [
      "forbids everybody",
      acls({ create_volumes: [{ principals: { type: "NONE" }, roles: { type: "ANY" } }] }),
      ["MESOS_RIGHT_DENIED"],
    ],
    ["forbids what no rule names", acls({ permissive: false }), ["MESOS_RIGHT_DENIED", "MESOS_RIGHT_DENIED"]],
    [
      "forbids another role",
      acls({
        permissive: false,
        reserve_resources: [{ ...mine, roles: { values: ["demo/%"] } }],
        create_volumes: [mine],
      }),
      ["MESOS_RIGHT_DENIED"],
    ],
    ["has its rules in a file", { acls: "/etc/mesos/acls" }, ["MESOS_RIGHT_UNKNOWN", "MESOS_RIGHT_UNKNOWN"]],
    ["asks another authoriser", { authorizers: "com_example" }, ["MESOS_RIGHT_UNKNOWN", "MESOS_RIGHT_UNKNOWN"]],
  ])("a master that %s", async (_, flags, expected) => {
    expect(await codes(undefined, flags)).toEqual(expected);
  });
});

test("a rule for everything below a role permits a role below it", async () => {
  const below = (values: string[]) => ({
    acls: JSON.stringify({
      permissive: false,
      reserve_resources: [{ principals: { type: "ANY" }, roles: { values } }],
      create_volumes: [{ principals: { type: "ANY" } }],
    }),
  });
  const nested = (info: Info) => {
    info.roles = ["eng/db"];
  };
  expect(await codes(nested, below(["eng/%"]))).toEqual([]);
  expect(await codes(nested, below(["en/%", "eng"]))).toEqual(["MESOS_RIGHT_DENIED"]);
});

test("several volumes of one name are said, with what is in use", async () => {
  const { master, strategy } = await start();
  for (const { total_resources = [], allocated_resources = [], agent_info } of master.agents) {
    for (const { disk } of [...total_resources, ...allocated_resources])
      if (disk?.persistence !== undefined) disk.persistence.id = "group_orders-db#data#1";
    if (agent_info.hostname !== "node-2") continue;
    const other = master.agent("node-1").total_resources?.find(({ disk }) => disk?.persistence !== undefined);
    if (other !== undefined)
      total_resources.push({ ...other, disk: { ...other.disk, persistence: { id: "orders-db#data#2" } } });
  }
  const found = await strategy.inspect(createFakeOp(), volume);
  const several = found.find(({ code }) => code === "MESOS_SEVERAL_VOLUMES");
  expect(several?.message).toMatch(/2 volumes .*orders-db#data#1 on node-1 \(512 MB, in use\)/);
  const observed = await strategy.observe(createFakeOp(), volume);
  expect(observed.detail).toMatchObject({ on: null, seenBy: "Mesos" });
});

test("an agent that is awaited, and how long Mesos waits for one", async () => {
  const master = new MesosMaster("operator-GET_AGENTS-recovering-after-master-restart.response");
  const client = await master.connect(loopback);
  const strategy = createMesosVolumeStrategy({ connect: () => client, sandbox: null });
  const found = await strategy.inspect(createFakeOp(), volume);
  expect(found).toContainEqual(expect.objectContaining({ code: "MESOS_AGENTS_RECOVERING" }));
  expect(found).toContainEqual(
    expect.objectContaining({ code: "MESOS_AGENT_LOSS", message: expect.stringContaining("75 s") }),
  );
});

test("a run does not depend on Mesos's API: that it is away is said, and changes nothing", async () => {
  const away = { ...options, api: { endpoints: [await loopback.nobody()], timeoutMs: 500 } };
  const op = createFakeOp();
  const observed = await createMesosVolumeStrategy({ sandbox: null }).observe(op, { ...volume, options: away });
  expect(observed).toMatchObject({ exists: true, detail: { on: null, seenBy: "the agent alone" } });
  expect(op.logger.lines).toContainEqual(expect.objectContaining({ level: "warn" }));
});

test("on the agent, what is there instead of the volume, and its state", async () => {
  const mount = (root: string, mountPoint: string, options: readonly string[] = ["rw"]): MountEntry => ({
    ...{ mountId: 1, parentId: 0, device: "8:1", fsType: "ext4", source: "/dev/sda1", superOptions: ["rw"] },
    ...{ root, mountPoint, options },
  });
  const local = { ...volume, options: {} };
  const strategy = createMesosVolumeStrategy({ sandbox: null });
  const look = async (entry: MountEntry) => {
    const op = createFakeOp({ mounts: [mount("/", "/"), entry], volumes: { "/srv/db": {} } });
    return (await strategy.inspect(op, local)).map(({ code }) => code);
  };
  expect(await look(mount("/x", "/other"))).toEqual(["MESOS_VOLUME_NOT_SHOWN", "SHARED_SPACE", "TOO_SMALL"]);
  const shown = "/mesos/volumes/roles/db/orders-db#data#1";
  expect(await look(mount(shown, "/srv/db", ["ro"]))).toEqual(["READ_ONLY", "TOO_SMALL"]);
});
