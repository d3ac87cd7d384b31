import { expect, test } from "vitest";
import { formatRange, parseAddress, parseRange, without } from "./address-range.js";

const range = (text: string) => {
  const parsed = parseRange(text);
  if (parsed === undefined) throw new Error(`${text} is no range`);
  return parsed;
};

test.each([
  ["*", "0.0.0.0-255.255.255.255"],
  ["10.0.0.7", "10.0.0.7"],
  ["10.0.0.7/24", "10.0.0.0-10.0.0.255"],
  ["10.1.2.3/255.255.0.0", "10.1.0.0-10.1.255.255"],
  ["10.0.0.5-10.0.0.9", "10.0.0.5-10.0.0.9"],
  ["0.0.0.0/0", "0.0.0.0-255.255.255.255"],
])("%s covers %s", (text, expected) => {
  expect(formatRange(range(text))).toBe(expected);
});

test.each(["10.0.0", "10.0.0.256", "10.0.0.1/33", "10.0.0.1/255.0.255.0", "b-a", "10.0.0.9-10.0.0.1", "host"])(
  "%s is no range",
  (text) => {
    expect(parseRange(text)).toBeUndefined();
  },
);

test("an address is taken out of a range, also at its ends", () => {
  const left = (text: string, ...addresses: string[]) =>
    without(
      range(text),
      addresses.map((address) => parseAddress(address) ?? -1),
    ).map(formatRange);
  expect(left("10.0.0.0/30", "10.0.0.1")).toEqual(["10.0.0.0", "10.0.0.2-10.0.0.3"]);
  expect(left("10.0.0.0/30", "10.0.0.0", "10.0.0.3")).toEqual(["10.0.0.1-10.0.0.2"]);
  expect(left("10.0.0.5", "10.0.0.5")).toEqual([]);
  expect(left("10.0.0.0/30", "10.9.9.9")).toEqual(["10.0.0.0-10.0.0.3"]);
});
