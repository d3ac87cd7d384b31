import { expect, test } from "vitest";
import { OPTIONS, volumeWith } from "../options.fixture.js";
import { parseNbdOptions } from "../options.js";
import { connectError } from "./connect-error.js";

const options = parseNbdOptions(volumeWith(OPTIONS));
const codeOf = (output: string, ended = "exit code 1") => connectError(options, "orders.e7", ended, output).code;

test.each([
  // nbdkit with exportname-strict, qemu-nbd and nbd-server, as nbdfuse 1.14 passes them on
  "nbdfuse: nbd_connect_uri: nbd_opt_go: server replied with error to opt_go request: No such file or directory for export: orders.e7",
  "qemu-storage-daemon: --blockdev: Requested export not available",
])("the name is not exported any more: the grant is void", (output) => {
  expect(codeOf(output)).toBe("STALE_EPOCH");
});

test.each([
  "nbdfuse: nbd_connect_uri: recv: server disconnected unexpectedly",
  "nbdfuse: nbd_connect_uri: nbd_opt_go: server policy prevents NBD_OPT_GO: Operation not permitted",
])("another client has the only connection", (output) => {
  expect(connectError(options, "orders.e7", "exit code 1", output)).toMatchObject({ code: "BUSY", retryable: true });
});

test("no server, or no network", () => {
  expect(codeOf("nbdfuse: nbd_connect_uri: connect: 10.0.0.9:10809: Connection refused")).toBe("BUSY");
  expect(connectError(options, "orders.e7", "no answer within 10000 ms", "").message).toContain("no answer within");
});
