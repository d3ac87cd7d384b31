import fc from "fast-check";
import { expect, test } from "vitest";
import { parseMesosJson } from "./json.js";

test("an integer that a double cannot hold becomes its digits; others stay numbers", () => {
  const text = '{"a": 1795366867961946880, "b": 1795366867961946881, "c": -9223372036854775808, "d": 9007199254740991}';
  expect(parseMesosJson(text)).toEqual({
    a: "1795366867961946880",
    b: "1795366867961946881",
    c: "-9223372036854775808",
    d: 9007199254740991,
  });
});

test("digits inside strings, fractions and exponents are left alone", () => {
  const text = '{"a": "x 1795366867961946881 \\" 1795366867961946881", "b": 0.12345678901234567, "c": 1e20, "\\\\": 1}';
  expect(parseMesosJson(text)).toEqual(JSON.parse(text));
});

test("JSON without long integers is what JSON.parse makes of it", () => {
  fc.assert(
    fc.property(fc.json({ maxDepth: 4 }), (text) => {
      // A double without a fraction, written out in more digits than it has, cannot be told from a long integer; Mesos
      // writes its doubles with a fraction.
      fc.pre(!longIntegerIn(JSON.parse(text)));
      expect(parseMesosJson(text)).toEqual(JSON.parse(text));
    }),
  );
});

function longIntegerIn(value: unknown): boolean {
  if (typeof value === "number") return Number.isInteger(value) && !Number.isSafeInteger(value);
  return typeof value === "object" && value !== null && Object.values(value).some(longIntegerIn);
}

test("every 64-bit integer is read exactly, wherever it stands", () => {
  fc.assert(
    fc.property(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n - 1n }), fc.string(), (value, neighbour) => {
      const parsed = parseMesosJson(`[${JSON.stringify(neighbour)},{"n":${value}},${value}]`) as [
        string,
        { n: string },
        string,
      ];
      expect(parsed[0]).toBe(neighbour);
      expect(BigInt(parsed[1].n)).toBe(value);
      expect(BigInt(parsed[2])).toBe(value);
    }),
  );
});

test("what is no JSON is refused", () => {
  expect(() => parseMesosJson("No agent found with specified ID")).toThrow(SyntaxError);
});
