import fc from "fast-check";
import { expect, test } from "vitest";
import { decodeField, encodeField, formatInitCommand, parseInitLine } from "./protocol.js";

test("encoding survives every string and yields one field", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme" }), (text) => {
      const field = encodeField(text);
      expect(field).toMatch(/^[A-Za-z0-9_./:=,@+%-]+$/);
      expect(decodeField(field)).toBe(text);
    }),
  );
});

test("formats the commands of the protocol", () => {
  const lines = [
    formatInitCommand({ type: "deadline", bootNs: 12n }),
    formatInitCommand({ type: "deadline-none" }),
    formatInitCommand({ type: "env", name: "A", value: "b c" }),
    formatInitCommand({ type: "claim", path: "/srv/a b/.holdfast/claim" }),
    formatInitCommand({ type: "unclaim" }),
    formatInitCommand({ type: "step", id: "v1", argv: ["prog", "", "x y"] }),
    formatInitCommand({ type: "step-kill", id: "v1" }),
    formatInitCommand({ type: "start" }),
    formatInitCommand({ type: "start-replica" }),
    formatInitCommand({ type: "signal", number: 15 }),
    formatInitCommand({ type: "kill" }),
  ];
  expect(lines.join("")).toBe(
    "deadline 12\ndeadline none\nenv A=b%20c\nclaim /srv/a%20b/.holdfast/claim\nunclaim\nstep v1 prog % x%20y\n" +
      "step-kill v1\nstart\nstart-replica\nsignal 15\nkill\n",
  );
});

test("parses what the init says", () => {
  expect(parseInitLine("hello 1 pid-namespace 4711 1234 5 6 yes")).toEqual({
    type: "hello",
    version: 1,
    tree: "pid-namespace",
    init: { pid: 4711, startTicks: "1234" },
    monoNs: 5n,
    bootNs: 6n,
    mountProc: true,
  });
  expect(parseInitLine("alive 99")).toEqual({ type: "alive", bootNs: 99n });
  expect(parseInitLine("claim held")).toEqual({ type: "claim", result: "held" });
  expect(parseInitLine("claim error 2 No%20such%20file")).toEqual({
    type: "claim",
    result: "error",
    errno: 2,
    message: "No such file",
  });
  expect(parseInitLine("step p-1 exit 3")).toEqual({ type: "step", id: "p-1", outcome: { kind: "code", code: 3 } });
  expect(parseInitLine("step p-1 signal 9")).toEqual({
    type: "step",
    id: "p-1",
    outcome: { kind: "signal", signal: 9 },
  });
  expect(parseInitLine("step p-1 refused deadline")).toMatchObject({
    outcome: { kind: "refused", reason: "deadline" },
  });
  expect(parseInitLine("step p-1 exec 2 gone%21")).toMatchObject({
    outcome: { kind: "exec", errno: 2, message: "gone!" },
  });
  expect(parseInitLine("started 7")).toEqual({ type: "started", pid: 7 });
  expect(parseInitLine("exit signal 11")).toEqual({ type: "exit", ended: { kind: "signal", signal: 11 } });
  expect(parseInitLine("left 2")).toEqual({ type: "left", count: 2 });
  expect(parseInitLine("gone")).toEqual({ type: "gone" });
  expect(parseInitLine("error the%20init%20ended")).toEqual({ type: "error", message: "the init ended" });
});

test("a line that is not understood changes nothing: it is an error, whatever it holds", () => {
  for (const line of ["", "hello 1 x", "alive soon", "alive -1", "step", "exit code x", "started", "what"]) {
    expect(parseInitLine(line)).toMatchObject({ type: "error" });
  }
  fc.assert(fc.property(fc.string(), (line) => void parseInitLine(line)));
});
