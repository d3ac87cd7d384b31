import { expect, test } from "vitest";
import { admitting, exportRules, parseExports } from "./exports.js";

const OPTIONS = "sync,wdelay,hide,no_subtree_check,sec=sys,rw,secure,no_root_squash,no_all_squash";

test("rules name each address, IPv6 in brackets", () => {
  expect(exportRules("/srv/one", ["rw", "sync"], ["192.0.2.1", "2001:db8::1"])).toBe(
    "/srv/one 192.0.2.1(rw,sync)\n/srv/one [2001:db8::1](rw,sync)\n",
  );
});

test("the table is read as exportfs -s prints it", () => {
  expect(parseExports(`/one  10.0.0.1(${OPTIONS})\n/two  10.0.0.0/24(${OPTIONS})\n\nwarning: x\n`)).toEqual([
    { path: "/one", client: "10.0.0.1", options: OPTIONS.split(",") },
    { path: "/two", client: "10.0.0.0/24", options: OPTIONS.split(",") },
  ]);
});

test.each([
  ["10.0.0.1", true],
  ["10.0.0.2", false],
  ["10.0.0.0/24", true],
  ["10.0.1.0/24", false],
  ["10.0.0.0/255.255.255.0", true],
  ["10.0.1.0/255.255.255.0", false],
  ["*", true],
  ["*.example.org", true],
  ["filer-client", true],
  ["@netgroup", true],
  ["[2001:db8::1]", false],
])("an export to %s lets 10.0.0.1 in: %s", (client, expected) => {
  const entries = [{ path: "/one", client, options: [] }];
  expect(admitting(entries, "/one", "10.0.0.1").length > 0).toBe(expected);
  expect(admitting(entries, "/other", "10.0.0.1")).toEqual([]);
});
