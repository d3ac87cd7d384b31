import { expect, test } from "vitest";
import { parseMesosJson } from "../json.js";
import { json, names, request, response } from "../recorded.fixture.js";
import { agentsSchema } from "../schemas.js";
import { forOperator, persistentVolume, reservedScalar } from "./build.js";
import { amountOf, identityOf, type MesosResource, reservationsOf, resourceSchema, volumesOf } from "./resource.js";
import { judgeCreate, judgeDestroy, judgeReserve, judgeUnreserve } from "./settle.js";

function agents(call: string) {
  const body = parseMesosJson(response(call).wire) as { get_agents: unknown };
  return agentsSchema.parse(body.get_agents).agents;
}

const node1 = (call: string): readonly MesosResource[] =>
  agents(call).find(({ agent_info }) => agent_info.hostname === "node-1")?.total_resources ?? [];

function sent(call: string, member: string): readonly MesosResource[] {
  const { [member]: body } = request(call) as Record<string, { resources?: unknown[]; volumes?: unknown[] }>;
  return (body?.resources ?? body?.volumes ?? []).map((resource) => resourceSchema.parse(resource));
}

const ops = { type: "DYNAMIC", role: "web", principal: "ops" } as const;

test("old and new form of the same reservation are the same", () => {
  const disk = { name: "disk", type: "SCALAR", scalar: { value: 64 } };
  const old: MesosResource = { ...disk, role: "web", reservation: { principal: "ops" } };
  const fresh: MesosResource = { ...disk, reservations: [ops] };
  for (const resource of [old, fresh, { ...fresh, ...old }]) expect(reservationsOf(resource)).toEqual([ops]);
  expect(identityOf(old)).toBe(identityOf(fresh));
  expect(reservationsOf({ ...disk, role: "*" })).toEqual([]);
  expect(reservationsOf(disk)).toEqual([]);
  expect(reservationsOf({ ...disk, role: "web" })).toEqual([{ type: "STATIC", role: "web" }]);
});

test("every resource that was recorded, offers in the old form included, has reservations that agree in both forms", () => {
  const found: MesosResource[] = [];
  const collect = (value: unknown): void => {
    if (Array.isArray(value)) for (const item of value) collect(item);
    else if (typeof value === "object" && value !== null) {
      const parsed = resourceSchema.safeParse(value);
      if (parsed.success && ("scalar" in value || "ranges" in value)) found.push(parsed.data);
      for (const member of Object.values(value)) collect(member);
    }
  };
  for (const name of names(/\.json$/)) collect(json(name));
  expect(found.length).toBeGreaterThan(500);
  const both = found.filter(({ reservations, reservation }) => reservation !== undefined && reservations !== undefined);
  expect(both.length).toBeGreaterThan(20);
  for (const resource of both) {
    const { reservations: _new, ...old } = resource;
    const { role: _role, reservation: _old, ...fresh } = resource;
    expect(reservationsOf(old)).toEqual(reservationsOf(fresh));
  }
});

test("a reservation on top of a static one is a stack", () => {
  const stacks = agents("operator-GET_AGENTS-after-create-volume")
    .flatMap(({ total_resources }) => total_resources)
    .map(reservationsOf)
    .filter(({ length }) => length > 1);
  expect(stacks).toEqual([
    [
      { type: "STATIC", role: "static-role" },
      { type: "DYNAMIC", role: "static-role/sub", principal: "ops" },
    ],
  ]);
});

test("labels keep amounts apart, their order does not", () => {
  const labelled = (labels: Record<string, string>) =>
    reservedScalar({ name: "disk", value: 1, reservations: [{ ...ops, labels }] });
  expect(identityOf(labelled({ a: "1", b: "2" }))).toBe(identityOf(labelled({ b: "2", a: "1" })));
  expect(identityOf(labelled({ a: "1" }))).not.toBe(identityOf(labelled({ a: "2" })));
  expect(identityOf(labelled({}))).toBe(identityOf(reservedScalar({ name: "disk", value: 1, reservations: [ops] })));
});

test("thousandths add up where doubles do not", () => {
  const cpus = (value: number) => reservedScalar({ name: "cpus", value, reservations: [ops] });
  expect(amountOf([cpus(0.1), cpus(0.2)], cpus(1))).toBe(300);
});

test("persistent volumes are found with their size, role and place, also on an agent that came back under a new id", () => {
  const [before, after] = ["operator-GET_AGENTS-running", "operator-GET_AGENTS-agent-new-id"].map((call) =>
    agents(call).flatMap((agent) =>
      volumesOf(agent.total_resources).map((v) => ({ ...v, agent: agent.agent_info.id })),
    ),
  );
  expect(before).toMatchObject([
    { id: "vol-db-0", role: "demo", sizeMb: 512, containerPath: "data", source: undefined },
  ]);
  expect(after?.map(({ id }) => id).sort()).toContain("vol-db-0");
});

test("what we build is what a real master accepted", () => {
  expect(sent("operator-RESERVE_RESOURCES-with-labels", "reserve_resources")).toEqual([
    reservedScalar({ name: "disk", value: 512, reservations: [{ ...ops, labels: { unit: "db-0" } }] }),
  ]);
  expect(sent("operator-CREATE_VOLUMES", "create_volumes")).toEqual([
    persistentVolume({ id: "vol-0", sizeMb: 1024, containerPath: "data", principal: "ops", reservations: [ops] }),
  ]);
});

test("a resource is sent without its allocation, and else as it came", () => {
  const [given] = sent("operator-DESTROY_VOLUMES-cleanup", "destroy_volumes") as [MesosResource];
  expect(forOperator({ ...given, allocation_info: { role: "web" } }, "x")).toEqual(given);
});

test.each([
  ["a misspelt member", { reservationz: [ops] }],
  ["no amount", { scalar: { value: 0 } }],
  ["no reservation", { reservations: [] }],
  ["only a static one", { reservations: [{ type: "STATIC", role: "web" }] }],
])("a resource with %s is not sent", (_, change) => {
  const resource = { ...reservedScalar({ name: "disk", value: 1, reservations: [ops] }), ...change };
  expect(() => forOperator(resource as MesosResource, "x")).toThrowError(
    expect.objectContaining({ code: "INVALID_SPEC" }),
  );
});

test("a recorded reservation and the volumes on it are recognised as applied, and before as not", () => {
  const [idle, reserved, created, destroyed] = [
    "idle",
    "after-reserve",
    "after-create-volume",
    "after-destroy-volume",
  ].map((name) => node1(`operator-GET_AGENTS-${name}`)) as [
    MesosResource[],
    MesosResource[],
    MesosResource[],
    MesosResource[],
  ];

  const plain = sent("operator-RESERVE_RESOURCES", "reserve_resources");
  expect(plain.map(({ name }) => name)).toEqual(["cpus", "mem", "disk"]);
  expect(judgeReserve(idle, plain, reserved)).toEqual({ kind: "applied" });
  expect(judgeReserve(idle, plain, idle)).toEqual({ kind: "not-applied" });
  expect(judgeUnreserve(reserved, plain, idle)).toEqual({ kind: "applied" });
  expect(judgeUnreserve(reserved, plain, reserved)).toEqual({ kind: "not-applied" });
  const labelled = sent("operator-RESERVE_RESOURCES-with-labels", "reserve_resources");
  expect(judgeReserve(reserved, labelled, created)).toEqual({ kind: "applied" });

  const volume = sent("operator-CREATE_VOLUMES", "create_volumes");
  expect(judgeCreate(volume, reserved)).toEqual({ kind: "not-applied" });
  expect(judgeCreate(volume, created)).toEqual({ kind: "applied" });
  expect(judgeDestroy(volume, created)).toEqual({ kind: "not-applied" });
  expect(judgeDestroy(volume, destroyed)).toEqual({ kind: "applied" });
});

test("an amount that moved by something else is not taken for ours", () => {
  const disk = (value: number) => [reservedScalar({ name: "disk", value, reservations: [ops] })];
  expect(judgeReserve(disk(100), disk(50), disk(150))).toEqual({ kind: "applied" });
  expect(judgeReserve(disk(100), disk(50), disk(200))).toMatchObject({ kind: "unclear" });
  expect(judgeReserve(disk(100), [...disk(20), ...disk(30)], disk(150))).toEqual({ kind: "applied" });
  expect(judgeUnreserve(disk(100), disk(50), disk(100))).toEqual({ kind: "not-applied" });
});

test("a volume of the same id in another role is another volume", () => {
  const volume = (role: string) =>
    persistentVolume({ id: "v", sizeMb: 1, containerPath: "data", reservations: [{ ...ops, role }] });
  expect(judgeCreate([volume("a")], [volume("b")])).toEqual({ kind: "not-applied" });
});
