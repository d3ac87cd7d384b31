// @ts-check
import { expect, test } from "vitest";
import { systemPackages } from "./packages.mjs";
import { isPresent, packagesFor } from "./system-packages.mjs";

const namesFor = (/** @type {string[]} */ ...purposes) => packagesFor(purposes).map(({ name }) => name);
const java = /java|jre|jdk|zookeeper/;

test("the demo needs redis-server and nothing of Java, unless ZooKeeper is asked for", () => {
  expect(namesFor("demo")).toContain("redis-server");
  expect(namesFor("demo").filter((name) => java.test(name))).toEqual([]);
  expect(namesFor("demo", "demo+zookeeper").filter((name) => java.test(name))).toHaveLength(2);
  expect(namesFor("demo", "demo+mariadb")).toContain("mariadb-server");
});

test("building the executable and the static checks need no system package", () => {
  expect(namesFor("exe")).toEqual([]);
  expect(namesFor("check")).toEqual([]);
});

test("every package says what for, and how to see that it is there", () => {
  for (const entry of systemPackages) {
    expect(entry.reason, entry.name).not.toBe("");
    expect(entry.for.length, entry.name).toBeGreaterThan(0);
    expect(Number(entry.command !== undefined) + Number(entry.files !== undefined), entry.name).toBe(1);
  }
  expect(new Set(systemPackages.map(({ name }) => name)).size).toBe(systemPackages.length);
});

test("a package is present when its command or one of its files is, wherever they came from", () => {
  const entry = { name: "x", for: [], reason: "y" };
  expect(isPresent({ ...entry, command: "sh" })).toBe(true);
  expect(isPresent({ ...entry, command: "holdfast-no-such-command" })).toBe(false);
  expect(isPresent({ ...entry, files: ["/no/such/file", "/etc/passwd"] })).toBe(true);
  expect(isPresent({ ...entry, files: ["/no/such/file"] })).toBe(false);
});
