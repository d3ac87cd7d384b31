import { createFakeOp } from "@holdfast/testkit";
import { expect, test } from "vitest";
import { leadsTo, orphans, parseSockets } from "./sockets.js";

const LISTING = `FIN-WAIT-1 0      262144     10.0.0.4:49149    10.0.0.1:58223
LAST-ACK   0      1          [::ffff:10.0.0.4]:49145    [::ffff:10.0.0.2]:24007
CLOSING    0      7          [fe80::1%eth0]:49146    [fd00::3]:51605
`;
const peer = {
  addresses: ["10.0.0.1", "10.0.0.2", "fd00::3"],
  ports: [
    [24_007, 24_007],
    [49_152, 60_999],
  ] as const,
};

test("reads what ss prints", () => {
  expect(parseSockets(LISTING)).toEqual([
    {
      state: "FIN-WAIT-1",
      sendQueueBytes: 262_144,
      local: { address: "10.0.0.4", port: 49_149 },
      peer: { address: "10.0.0.1", port: 58_223 },
    },
    {
      state: "LAST-ACK",
      sendQueueBytes: 1,
      local: { address: "::ffff:10.0.0.4", port: 49_145 },
      peer: { address: "::ffff:10.0.0.2", port: 24_007 },
    },
    {
      state: "CLOSING",
      sendQueueBytes: 7,
      local: { address: "fe80::1%eth0", port: 49_146 },
      peer: { address: "fd00::3", port: 51_605 },
    },
  ]);
  expect(parseSockets("\n")).toEqual([]);
});

test("picks those that lead to a server's port", () => {
  const [first, mapped, v6] = parseSockets(LISTING);
  if (first === undefined || mapped === undefined || v6 === undefined) throw new Error("three sockets were listed");
  expect([first, mapped, v6].map((socket) => leadsTo(socket, peer))).toEqual([true, true, true]);
  expect(leadsTo(first, { ...peer, addresses: ["10.0.0.9"] })).toBe(false);
  expect(leadsTo(first, { ...peer, ports: [[1, 1_024]] })).toBe(false);
  expect(leadsTo(first, { ...peer, addresses: [] })).toBe(true);
});

const answering = (getent: { exitCode: number; stdout: string } | Error) =>
  createFakeOp({
    exec: ({ command }) => {
      if (command === "ss") return { stdout: LISTING };
      if (getent instanceof Error) throw getent;
      return getent;
    },
  });

test("resolves servers' names", async () => {
  const named = [{ addresses: ["gluster-1"], ports: peer.ports }];
  const op = answering({ exitCode: 0, stdout: "10.0.0.1 STREAM gluster-1\n10.0.0.1 DGRAM\n" });
  expect((await orphans(op, named)).map((socket) => socket.peer.address)).toEqual(["10.0.0.1"]);
});

test("takes any address when names cannot be resolved", async () => {
  const named = [{ addresses: ["gluster-1"], ports: peer.ports }];
  expect(await orphans(answering(new Error("no answer")), named)).toHaveLength(3);
  expect(await orphans(answering({ exitCode: 2, stdout: "" }), named)).toHaveLength(3);
});
