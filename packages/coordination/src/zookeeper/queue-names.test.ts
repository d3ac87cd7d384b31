import { expect, test } from "vitest";
import { aheadOf, inOrder, queueNamePrefix } from "./queue-names.js";

const name = (ticket: string, sequence: string) => `${queueNamePrefix(ticket)}${sequence}`;

test("orders by the server's sequence, whatever the tickets are", () => {
  const names = [name("b", "0000000002"), name("z", "0000000001"), name("a", "0000000010")];
  expect(inOrder(names).map(({ ticket }) => ticket)).toEqual(["z", "b", "a"]);
});

test("a sequence that has run over comes first: it is negative", () => {
  const names = [name("old", "2147483647"), name("new", "-2147483648")];
  expect(inOrder(names).map(({ sequence }) => sequence)).toEqual([-2147483648, 2147483647]);
});

test("what is no candidate is left out", () => {
  expect(inOrder(["note", "x-candidate-", "x-candidate-12", name("a", "0000000001")])).toHaveLength(1);
});

test("ahead are those before a name, and all of them for a name that is not there", () => {
  const queue = inOrder([name("a", "0000000001"), name("b", "0000000002"), name("c", "0000000003")]);
  expect(aheadOf(queue, name("c", "0000000003")).map(({ ticket }) => ticket)).toEqual(["a", "b"]);
  expect(aheadOf(queue, name("a", "0000000001"))).toEqual([]);
  expect(aheadOf(queue, "gone")).toHaveLength(3);
});
