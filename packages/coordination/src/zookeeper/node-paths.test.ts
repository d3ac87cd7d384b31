import { expect, test } from "vitest";
import { nodePaths } from "./node-paths.js";

test("puts the chroot in front", () => {
  const paths = nodePaths("/holdfast");
  expect(paths.absolute("services/a/lease")).toBe("/holdfast/services/a/lease");
  expect(paths.parents("services/a/lease")).toEqual(["/holdfast/services", "/holdfast/services/a"]);
});

test("works at the root", () => {
  const paths = nodePaths("/");
  expect(paths.absolute("services")).toBe("/services");
  expect(paths.parents("services")).toEqual([]);
});

test.each(["", "/services", "services/", "a//b", "a/../b", "."])("%j is no relative path", (path) => {
  expect(() => nodePaths("/x").absolute(path)).toThrowError(expect.objectContaining({ code: "INTERNAL" }));
});
