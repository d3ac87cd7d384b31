import { errorCode } from "@holdfast/core";
import { expect, test } from "vitest";
import { ReplyCode, ReplyError } from "./reply-codes.js";
import { translateReply, unanswered } from "./translate.js";

const write = { repeatable: false, what: "put a" };
const read = { repeatable: true, what: "get a" };
const codes = (replyCode: number) =>
  [write, read].map((subject) => errorCode(translateReply(new ReplyError(replyCode), subject)));

test.each([
  ["NO_NODE", "RECORD_MISSING"],
  ["NODE_EXISTS", "RECORD_EXISTS"],
  ["BAD_VERSION", "VERSION_CONFLICT"],
  ["NO_AUTH", "DENIED"],
  ["INVALID_ACL", "DENIED"],
  ["AUTH_FAILED", "DENIED"],
  ["SASL_REQUIRED", "DENIED"],
  ["QUOTA_EXCEEDED", "DENIED"],
  ["UNIMPLEMENTED", "STORE_UNSUITABLE"],
  ["SESSION_MOVED", "STORE_UNREACHABLE"],
  ["THROTTLED", "STORE_UNREACHABLE"],
] as const)("%s is an answer: %s, for reads and writes alike", (name, code) => {
  expect(codes(ReplyCode[name])).toEqual([code, code]);
});

test.each([
  ReplyCode.CONNECTION_LOSS,
  ReplyCode.SESSION_EXPIRED,
  -1, // system error
  -122, // request timeout
  -9999,
])("%i leaves the outcome of a write open", (replyCode) => {
  expect(codes(replyCode)).toEqual(["UNKNOWN_OUTCOME", "STORE_UNREACHABLE"]);
});

test("no answer in time leaves the outcome of a write open", () => {
  expect([unanswered(write, 10), unanswered(read, 10)].map(errorCode)).toEqual([
    "UNKNOWN_OUTCOME",
    "STORE_UNREACHABLE",
  ]);
});

test("what is no answer of a server passes as it is", () => {
  const defect = new TypeError("x is not a function");
  expect(translateReply(defect, write)).toBe(defect);
});
