import { expect, test } from "vitest";
import { parseZooKeeperUrl } from "./url.js";

const code = (url: string) => {
  try {
    parseZooKeeperUrl(url);
    return "accepted";
  } catch (error) {
    return (error as { code: string }).code;
  }
};

test("reads servers and chroot, and drops white space", () => {
  expect(parseZooKeeperUrl(" zookeeper:// zk1:2181 , zk-2.example : 2182,10.0.0.3/holdfast/prod/ ")).toEqual({
    servers: [
      { host: "zk1", port: 2181 },
      { host: "zk-2.example", port: 2182 },
      { host: "10.0.0.3", port: 2181 },
    ],
    chroot: "/holdfast/prod",
    secure: false,
  });
});

test("TLS has another default port", () => {
  expect(parseZooKeeperUrl("zookeeper+tls://zk1,zk2:2381")).toEqual({
    servers: [
      { host: "zk1", port: 2281 },
      { host: "zk2", port: 2381 },
    ],
    chroot: "/",
    secure: true,
  });
});

test.each(["zookeeper://[::1]:2181", "zookeeper://::1", "zookeeper://fe80::1%eth0/x"])(
  "%s: IPv6 literals are refused, and the message says so",
  (url) => {
    expect(() => parseZooKeeperUrl(url)).toThrowError(/IPv6/);
    expect(code(url)).toBe("BAD_CONFIGURATION");
  },
);

test.each([
  "zookeeper://",
  "zookeeper:///holdfast",
  "zookeeper://zk1,,zk2",
  "zookeeper://zk1,",
  "zookeeper://zk1:0",
  "zookeeper://zk1:65536",
  "zookeeper://zk1:port",
  "zookeeper://zk1:",
  "zookeeper://zk_1 zk2",
  "zookeeper://zk1//a",
  "zookeeper://zk1/a/../b",
  "zookeeper://zk1/./b",
  "zookeeper://zk1/a?b=c",
  "zookeeper://zk1/a b",
  "zk://zk1",
  "zk1:2181",
])("%s is bad configuration", (url) => {
  expect(code(url)).toBe("BAD_CONFIGURATION");
});

test("a password in the URL is refused and not repeated", () => {
  expect(() => parseZooKeeperUrl("zookeeper://user:hunter2@zk1:2181")).toThrowError(
    expect.objectContaining({ code: "BAD_CONFIGURATION", message: expect.not.stringContaining("hunter2") }),
  );
});
