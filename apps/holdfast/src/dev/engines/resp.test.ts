import { expect, test } from "vitest";
import { encodeCommand, parseReply, type Reply } from "./resp.js";

test("commands are arrays of counted words, counted in bytes", () => {
  expect(encodeCommand(["SET", "k", "é"])).toBe("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$2\r\né\r\n");
});

test.each<[string, string, Reply]>([
  ["a status", "+OK\r\n", "OK"],
  ["a number", ":42\r\n", 42],
  ["a word with a line end in it", "$4\r\na\r\nb\r\n", "a\r\nb"],
  ["nothing", "$-1\r\n", null],
  ["a nested array", "*2\r\n$1\r\n0\r\n*1\r\n$1\r\nk\r\n", ["0", ["k"]]],
])("parses %s", (_, text, reply) => {
  const data = Buffer.from(text);
  expect(parseReply(data, 0)).toEqual({ reply, end: data.length });
});

test("an error is an answer, told apart from a word", () => {
  expect(parseReply(Buffer.from("-LOADING Redis is loading\r\n"), 0)?.reply).toEqual(
    new Error("LOADING Redis is loading"),
  );
});

test("waits for the rest of a reply, wherever it was cut", () => {
  const whole = Buffer.from("*2\r\n$1\r\n0\r\n*1\r\n$1\r\nk\r\n");
  for (let length = 0; length < whole.length; length += 1) {
    expect(parseReply(whole.subarray(0, length), 0), String(length)).toBeUndefined();
  }
});
