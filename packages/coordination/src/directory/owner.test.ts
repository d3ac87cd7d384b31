import { expect, test } from "vitest";
import { isOwner, judgeOwner, readOwnIdentity } from "./owner.js";

const self = readOwnIdentity();

test("this process is alive, and is told from a later one with its number", () => {
  expect(judgeOwner(self, self)).toBe("alive");
  expect(judgeOwner({ ...self, startTicks: "1" }, self)).toBe("gone");
  expect(judgeOwner({ ...self, pid: 2 ** 22 + 1 }, self)).toBe("gone");
});

test("after a reboot everything of before is gone, also in another PID namespace", () => {
  expect(judgeOwner({ ...self, bootId: "another" }, self)).toBe("gone");
  expect(judgeOwner({ ...self, bootId: "another", pidNamespace: "pid:[1]" }, self)).toBe("gone");
});

test("a process of another PID namespace cannot be judged, nor one of an unknown boot", () => {
  expect(judgeOwner({ ...self, pidNamespace: "pid:[1]", pid: 2 ** 22 + 1 }, self)).toBe("unknown");
  expect(judgeOwner({ ...self, bootId: "" }, self)).toBe("unknown");
});

test("an identity survives JSON", () => {
  expect(isOwner(JSON.parse(JSON.stringify(self)))).toBe(true);
  expect(isOwner({ ...self, pid: "7" })).toBe(false);
  expect(isOwner(null)).toBe(false);
});
