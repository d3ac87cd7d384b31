import { describe, expect, test } from "vitest";
import { CLIENT_COMMS, clientCommand, parseClient } from "./client-command.js";

describe.each(["nbdfuse", "qemu", "kernel"] as const)("%s", (kind) => {
  test.each(["10.0.0.1", "fd00::1"])("its command line says what it is connected to (%s)", (address) => {
    const target = { address, port: 10_809, export: "orders.e7", device: kind === "kernel" ? "/dev/nbd3" : "/w/disk" };
    const { command, args } = clientCommand(kind, target, 5_000);
    expect(parseClient([`/usr/bin/${command}`, ...args])).toEqual({ ...target, kind });
    expect(CLIENT_COMMS).toContain(command.slice(0, 15));
  });
});

test("nbdfuse makes one connection, because servers allow no second one", () => {
  const target = { address: "10.0.0.1", port: 1, export: "e", device: "/w/disk" };
  expect(clientCommand("nbdfuse", target, 0).args.slice(0, 2)).toEqual(["-C", "1"]);
});

test("other command lines are not ours", () => {
  expect(parseClient(["nbdfuse", "--version"])).toBeUndefined();
  expect(parseClient(["nbd-client", "-d", "/dev/nbd0"])).toBeUndefined();
  expect(parseClient(["qemu-storage-daemon", "--help"])).toBeUndefined();
  expect(parseClient(["sleep", "1"])).toBeUndefined();
});
