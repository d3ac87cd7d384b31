import { expect, test } from "vitest";
import { findZooKeeperRuntime, missingZooKeeperPackages } from "./runtime.js";

test("names each package that is missing, once", () => {
  expect(missingZooKeeperPackages(() => false)).toEqual([
    "default-jre-headless",
    "libzookeeper-java",
    "libslf4j-java",
    "liblog4j1.2-java",
    "libnetty-java",
  ]);
  expect(missingZooKeeperPackages((file) => !file.endsWith("/java"))).toEqual(["default-jre-headless"]);
  expect(missingZooKeeperPackages((file) => !file.endsWith("/zookeeper.jar"))).toEqual(["libzookeeper-java"]);
  expect(missingZooKeeperPackages((file) => !file.includes("netty"))).toEqual(["libnetty-java"]);
  expect(missingZooKeeperPackages(() => true)).toEqual([]);
});

test("says how to install what is missing", () => {
  expect(() => findZooKeeperRuntime((file) => !file.endsWith("/zookeeper.jar"))).toThrowError(
    expect.objectContaining({
      code: "NOT_FOUND",
      message: expect.stringContaining("libzookeeper-java"),
      hint: "apt-get install -y --no-install-recommends libzookeeper-java",
    }),
  );
});
