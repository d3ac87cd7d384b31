import { expect, test } from "vitest";
import { parsePluginReference } from "./reference.js";

test.each([
  ["plain@1.2.3", { package: "plain", version: "1.2.3" }],
  ["@scope/name@0.1.0-rc.1", { package: "@scope/name", version: "0.1.0-rc.1" }],
])("reads %s", (text, reference) => {
  expect(parsePluginReference(text)).toEqual(reference);
});

test.each([
  "plain",
  "@scope/name",
  "plain@^1.2.3",
  "plain@latest",
  "plain@1.2",
  "../up@1.0.0",
  "a/b@1.0.0",
  "@1.0.0",
  "",
])("refuses %j", (text) => {
  expect(() => parsePluginReference(text)).toThrow(expect.objectContaining({ code: "INVALID_SPEC" }));
});
