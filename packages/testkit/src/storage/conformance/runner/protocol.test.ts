import { HoldfastError } from "@holdfast/core";
import { expect, test } from "vitest";
import { decodeLine, encodeLine, FOREIGN, fromWireError, toWireError } from "./protocol.js";

test("epochs travel as decimal strings, signals not at all", () => {
  const sent = { epoch: 18_446_744_073_709_551_617n, signal: new AbortController().signal, list: [1n, "1"] };
  const line = encodeLine(sent);
  expect(line).toContain('"18446744073709551617"');
  expect(decodeLine(line)).toEqual({ epoch: sent.epoch, list: [1n, "1"] });
});

test("an error keeps code, hint and detail; a stranger's is told apart", () => {
  const error = new HoldfastError("HELD_BY_OTHER", "held", { hint: "wait", retryable: true, detail: { epoch: 3n } });
  const there = decodeLine(encodeLine(toWireError(error))) as ReturnType<typeof toWireError>;
  expect(fromWireError(there)).toMatchObject({
    code: "HELD_BY_OTHER",
    message: "held",
    hint: "wait",
    retryable: true,
    detail: { epoch: 3n },
  });
  expect(toWireError(new TypeError("oops"))).toMatchObject({ code: FOREIGN, message: "TypeError: oops" });
  expect(toWireError("text").code).toBe(FOREIGN);
});
