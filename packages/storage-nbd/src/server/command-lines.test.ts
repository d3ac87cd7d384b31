import { expect, test } from "vitest";
import { serverLaunch } from "./command-lines.js";

const attached = { agent: "a", address: "10.0.0.2", epoch: "7", export: "v.e7" };
const files = { pidFile: "/s/v.pid", configFile: "/s/v.conf", allowFile: "/s/v.allow" };
const volume = { image: "/img/v", listen: "10.0.0.1", port: 10_809 };

test("nbdkit: one client, one name, and the filter where it works", () => {
  const launch = serverLaunch({ ...volume, server: "nbdkit" }, attached, files, { allow: "10.0.0.2" });
  expect([launch.command, ...launch.args].join(" ")).toBe(
    "nbdkit --ipaddr 10.0.0.1 --port 10809 --pidfile /s/v.pid --filter=ip --filter=limit --filter=exportname file /img/v " +
      "limit=1 exportname=v.e7 exportname-strict=true allow=10.0.0.2 deny=all",
  );
  const without = serverLaunch({ ...volume, server: "nbdkit" }, attached, files, { allow: null });
  expect(without.args.join(" ")).not.toMatch(/allow|--filter=ip/);
});

test("nbd-server: offers flush, allows one address", () => {
  const launch = serverLaunch({ ...volume, server: "nbd-server" }, attached, files, { allow: "10.0.0.2" });
  expect(launch.args).toEqual(["-C", "/s/v.conf", "-p", "/s/v.pid"]);
  expect(launch.files["/s/v.allow"]).toBe("10.0.0.2\n");
  expect(launch.files["/s/v.conf"]).toMatch(/^\[v\.e7\]\nexportname = \/img\/v\nauthfile = \/s\/v\.allow$/m);
  expect(launch.files["/s/v.conf"]).toMatch(/^flush = true\nfua = true$/m);
  expect(launch.files["/s/v.conf"]).toMatch(/^maxconnections = 1$/m);
});

test("nbd-server with nobody to allow allows nobody", () => {
  const launch = serverLaunch({ ...volume, server: "nbd-server" }, attached, files, { allow: null });
  expect(launch.files["/s/v.allow"]).toBe("");
});

test("qemu-nbd: one client, one name, and it stays when that client goes", () => {
  const launch = serverLaunch({ ...volume, server: "qemu-nbd" }, attached, files, { allow: null });
  expect(launch.args).toEqual(
    expect.arrayContaining(["--persistent", "--shared=1", "--export-name=v.e7", "--bind=10.0.0.1", "--port=10809"]),
  );
});
