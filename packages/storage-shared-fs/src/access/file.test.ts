import { expect, test } from "vitest";
import { formatAccessFile, parseAccessFile } from "./file.js";
import { attachAgent, emptyState, fenceAgent } from "./state.js";

const volume = { service: "orders-db", role: "data" };
const state = fenceAgent(attachAgent(emptyState(volume), "a", 6n), { agent: "a", epoch: 6n, bootId: null }, 7n);

test("what was written is read again, whatever rules stand beside it", () => {
  expect(parseAccessFile(formatAccessFile(state, "/srv/one 192.0.2.1(rw)\n"), volume)).toEqual(state);
  expect(parseAccessFile(null, volume)).toBeNull();
});

test.each([
  ["an operator's own file", "/srv/one *(rw)\n"],
  ["a damaged one", "# holdfast: {\n"],
  ["a newer one", '# holdfast: {"v":2}\n'],
  ["another volume's", formatAccessFile({ ...state, service: "other" }, "")],
])("%s is refused and not overwritten", (_, text) => {
  expect(() => parseAccessFile(text, volume)).toThrow(expect.objectContaining({ code: "INCOMPATIBLE" }));
});
