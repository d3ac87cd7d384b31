import { describe, expect, test } from "vitest";
import { judgeHealth } from "./check.js";
import { clientsOf, entriesOf, parseBlocklist, parseClients } from "./cluster.js";

const client = (id: number, address: string, root: string) => ({
  id,
  state: "open",
  entity: { name: { type: "client", num: id }, addr: { type: "any", addr: `${address}:0`, nonce: 324561727 } },
  client_metadata: { root, mount_point: "/srv/orders" },
});

test("clients of an address that reach the volume, also those that mounted more than it", () => {
  const clients = parseClients(
    0,
    JSON.stringify([
      client(1, "10.0.0.4", "/orders"),
      client(2, "10.0.0.4", "/"),
      client(3, "10.0.0.4", "/orders2"),
      client(4, "10.0.0.40", "/orders"),
    ]),
  );
  expect(clientsOf(clients, ["10.0.0.4"], "/orders").map(({ id, instance }) => [id, instance])).toEqual([
    [1, "10.0.0.4:0/324561727"],
    [2, "10.0.0.4:0/324561727"],
  ]);
});

test("the blocklist is followed by a list of ranges, and an address has entries of single clients beside its own", () => {
  const until = "2036-11-26T02:21:40.239579+0000";
  const text = JSON.stringify([
    { addr: "10.0.0.4:0/0", until },
    { addr: "10.0.0.4:0/3394", until },
    { addr: "10.0.0.40:0/0", until },
  ]);
  expect(entriesOf(parseBlocklist(`${text}[]\n`), ["10.0.0.4"]).map(({ addr }) => addr)).toEqual([
    "10.0.0.4:0/0",
    "10.0.0.4:0/3394",
  ]);
  expect(parseBlocklist("\n[]")).toEqual([]);
});

describe("health", () => {
  const health = (...codes: string[]) =>
    JSON.stringify({ checks: Object.fromEntries(codes.map((code) => [code, { summary: { message: "why" } }])) });

  test("a read-only metadata server is damage that a person looks at", () => {
    expect(judgeHealth(health("MDS_READ_ONLY"))).toMatchObject({ state: "damaged", command: "ceph health detail" });
  });

  test("no active metadata server passes", () => {
    expect(() => judgeHealth(health("MDS_ALL_DOWN"))).toThrow(expect.objectContaining({ code: "BUSY" }));
  });

  test("other warnings are told", () => {
    expect(judgeHealth(health("OSD_NEARFULL"))).toMatchObject({ state: "clean", findings: ["OSD_NEARFULL: why"] });
  });
});
