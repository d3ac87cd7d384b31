import { expect, test } from "vitest";
import {
  mayWrite,
  parseActiveExports,
  parseChunkClasses,
  parseChunkServers,
  parseLocks,
  parseSessions,
  sessionsOf,
} from "./cli-output.js";

// As mfscli 3.0.117 prints them with -p -n.
const SESSIONS = `active mounts, parameters:\t2\t10.0.0.4\t/srv/orders\t2\t1\t3.0.117\t/svc\trw\tyes\tno\tyes\t0\t0\t-
active mounts, parameters:\t5\t10.0.0.4\t/mnt/all\t2\t1\t3.0.117\t/\trw\tyes\tno\tyes\t0\t0\t-
active mounts, parameters:\t6\t10.0.0.4\t/srv/stock\t2\t1\t3.0.117\t/stock\trw\tyes\tno\tyes\t0\t0\t-


inactive mounts, parameters:\t1\t10.0.0.4\t/srv/orders\t0\t86398
inactive mounts, parameters:\t3\t10.0.0.5\t/srv/orders\t0\t86398
`;
const EXPORTS = "exports:\t10.0.0.0\t10.0.0.255\t/svc\t0.0.0\tyes\tno\trw\tyes\tno\tyes\t0\t0\t-\n";

test("sessions of an address that reach the volume: by directory, or by mount point where they are not connected", () => {
  const found = sessionsOf(parseSessions(SESSIONS), ["10.0.0.4"], { path: "/svc", mountPath: "/srv/orders" });
  expect(found.map(({ id }) => id)).toEqual(["2", "5", "1"]);
});

test("exports as the running master has them", () => {
  const exports = parseActiveExports(EXPORTS);
  expect(mayWrite(exports, "10.0.0.4", "/svc")).toBe(true);
  expect(mayWrite(exports, "10.0.1.4", "/svc")).toBe(false);
  expect(mayWrite(exports, "10.0.0.4", "/other")).toBe(false);
  expect(mayWrite(parseActiveExports(EXPORTS.replace("\trw\t", "\tro\t")), "10.0.0.4", "/svc")).toBe(false);
});

test("locks, chunk servers and chunk classes", () => {
  const lock =
    "acquired locks:\t3\t2\t10.0.0.4\t/srv/orders\tFLOCK\t3953820088953774467\t-1\t0\tEOF\tWRITE(EXCLUSIVE)\n";
  expect(parseLocks(lock)).toEqual([{ session: "2", address: "10.0.0.4", mountPoint: "/srv/orders", kind: "FLOCK" }]);
  const servers = "chunk servers:\t10.0.0.2\t9422\t2\t-\t3.0.117\nDisconnected chunk servers:\t10.0.0.3\t9422\t1\t-\n";
  expect(parseChunkServers(servers).map(({ address, connected }) => [address, connected])).toEqual([
    ["10.0.0.2", true],
    ["10.0.0.3", false],
  ]);
  const classes = "all chunks matrix:\tgoal/copies/chunks:\t2\t2\t1\nall chunks matrix:\tchunkclass missing:\t4\n";
  expect([...parseChunkClasses(classes)]).toEqual([["missing", 4]]);
});
