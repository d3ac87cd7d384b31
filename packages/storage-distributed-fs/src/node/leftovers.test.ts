import { expect, test } from "vitest";
import { sameNetwork } from "./leftovers.js";

test("tells agents on one kernel apart by their network namespace", () => {
  const listing = `'/proc/self/ns/net' -> 'net:[4026531833]'
'/proc/12/ns/net' -> 'net:[4026531833]'
'/proc/13/ns/net' -> 'net:[4026532000]'
`;
  expect(sameNetwork(listing)).toEqual([12]);
});

test("says nobody where its own namespace is not known", () => {
  expect(sameNetwork("'/proc/12/ns/net' -> 'net:[4026531833]'\n")).toEqual([]);
});
