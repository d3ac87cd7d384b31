import { expect, test } from "vitest";
import { listenersOf, parseSockets, sessionsOf } from "./sockets.js";

const TCP = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0153530A:2A39 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1234 1 0000000000000000 100 0 0 10 0
   1: 0153530A:2A39 0253530A:EB8C 01 00000000:00000000 00:00000000 00000000     0        0 1240 1 0000000000000000 20 4 30 10 -1
   2: 0153530A:2A39 0353530A:EB8D 05 00000000:00000000 00:00000000 00000000     0        0 0 1 0000000000000000 20 4 30 10 -1
   3: 0153530A:2A39 0353530A:EB8E 06 00000000:00000000 03:00000000 00000000     0        0 0 3 0000000000000000
   4: 0153530A:0016 0353530A:EB8F 01 00000000:00000000 00:00000000 00000000     0        0 99 1 0000000000000000 20 4 30 10 -1
`;
const TCP6 = `  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0000000000000000FFFF00000153530A:2A39 0000000000000000FFFF00000253530A:EB8C 01 00000000:00000000 00:00000000 00000000     0        0 77 1
   1: 000080FE00000000000000FF0100000A:2A39 B80D0120000000000000000001000000:0050 01 00000000:00000000 00:00000000 00000000     0        0 78 1
`;

test("reads the kernel's table", () => {
  const sockets = parseSockets(TCP);
  expect(listenersOf(sockets, 10_809)).toMatchObject([{ inode: "1234" }]);
  expect(sockets).toHaveLength(5);
});

test("counts as connected what can still bring data to a process, and not what the kernel winds up", () => {
  expect(sessionsOf(parseSockets(TCP), 10_809)).toEqual([
    { localPort: 10_809, peer: "10.83.83.2:60300", state: "ESTABLISHED", inode: "1240" },
  ]);
});

test("reads IPv6 addresses, mapped ones as what they are", () => {
  expect(sessionsOf(parseSockets(TCP6), 10_809).map(({ peer }) => peer)).toEqual([
    "10.83.83.2:60300",
    "[2001:db8:0:0:0:0:0:1]:80",
  ]);
});
