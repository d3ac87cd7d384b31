import { expect, test } from "vitest";
import { personCommands } from "./commands.js";
import { explainNbd } from "./explain.js";
import { findingsOf } from "./inspect.js";
import { OPTIONS, volumeWith } from "./options.fixture.js";
import { addressOf, parseNbdOptions } from "./options.js";

const parse = (part: object = {}) => parseNbdOptions(volumeWith({ ...OPTIONS, ...part }));

test("the least that is needed, and defaults", () => {
  expect(parse()).toMatchObject({ client: "auto", check: "quick", agents: {}, mountOptions: [] });
});

test.each([
  ["options.volume", { volume: "Orders DB" }],
  ["options.server.address", { server: { ...OPTIONS.server, address: "filer.example" } }],
  ["options.fsType", { fsType: "btrfs" }],
  ["options.mountOptions.0", { mountOptions: ["nobarrier"] }],
  ["options.mountOptions.0", { mountOptions: ["errors=continue"] }],
  ["options.mountOptions.0", { mountOptions: ["noatime,ro"] }],
  ["options", { sever: 1 }],
])("a failure names the key: %s", (key, part) => {
  expect(() => parse(part)).toThrow(
    expect.objectContaining({ code: "INVALID_SPEC", detail: expect.objectContaining({ path: key }) }),
  );
});

test("an agent without an entry is its own address", () => {
  const options = parse({ agents: { a: "10.0.0.2" } });
  expect([addressOf(options, "a"), addressOf(options, "b")]).toEqual(["10.0.0.2", "b"]);
});

test("what a person goes on with is the control target's own command line", () => {
  expect(personCommands(parse()).force).toBe(
    "holdfast-nbd-server --config /etc/holdfast/nbd.json repair orders force ext4",
  );
});

test("a plan shows every command, and no option that weakens a flush", () => {
  const { commands } = explainNbd(volumeWith(OPTIONS), parse());
  expect(Object.keys(commands).sort()).toEqual(["attach", "detach", "fence", "mount"]);
  expect(commands.fence).toEqual([
    "holdfast-nbd-server --config /etc/holdfast/nbd.json fence orders FORMER-AGENT FORMER-EPOCH EPOCH",
  ]);
  expect(commands.mount?.[0]).toContain("noatime,errors=remount-ro");
});

test("findings of a server that is not what the service file says", () => {
  const status = {
    volume: "orders",
    server: { kind: "qemu-nbd", version: "7.2" },
    image: { path: "/img", sizeBytes: 1024 * 1024 },
    listen: "10.0.0.9",
    port: 10_810,
    epoch: "4",
    attached: { agent: "a", address: "10.0.0.2", epoch: "4", export: "orders.e4" },
    serving: false,
    filtersAddresses: false,
    fenced: [],
    processes: [],
    sessions: [],
    otherUsers: ["17 (qemu-img)"],
  } as const;
  const volume = { ...volumeWith(OPTIONS), diskMiB: 512 };
  const codes = findingsOf(volume, parse(), {
    ...status,
    fenced: [],
    processes: [],
    sessions: [],
    otherUsers: [...status.otherUsers],
  }).map(({ code }) => code);
  expect(codes).toEqual(["OTHER_SERVER", "IMAGE_TOO_SMALL", "OTHER_USERS", "NOT_SERVING", "NO_ADDRESS_FILTER"]);
});
