import { expect, test } from "vitest";
import { defaultStatusSocketPath } from "./socket-path.js";

test("lies in the task's sandbox, else in the user's runtime directory, else in /tmp", () => {
  const env = { MESOS_SANDBOX: "/mnt/mesos/sandbox", XDG_RUNTIME_DIR: "/run/user/7" };
  expect(defaultStatusSocketPath("orders-db", env, 7)).toBe("/mnt/mesos/sandbox/holdfast-orders-db-7.sock");
  expect(defaultStatusSocketPath("orders-db", { XDG_RUNTIME_DIR: "/run/user/7" }, 7)).toBe(
    "/run/user/7/holdfast-orders-db-7.sock",
  );
  expect(defaultStatusSocketPath("orders-db", {}, 0)).toBe("/tmp/holdfast-orders-db-0.sock");
  expect(defaultStatusSocketPath("orders-db", { MESOS_SANDBOX: "relative" }, 0)).toBe("/tmp/holdfast-orders-db-0.sock");
});

test("is short enough for a socket, whatever the sandbox and the service are called", () => {
  const env = { MESOS_SANDBOX: `/var/lib/mesos/${"x".repeat(80)}` };
  expect(defaultStatusSocketPath("a".repeat(63), env, 4_294_967_294)).toMatch(/^\/tmp\//);
  expect(defaultStatusSocketPath("a".repeat(63), env, 4_294_967_294).length).toBeLessThanOrEqual(107);
});
