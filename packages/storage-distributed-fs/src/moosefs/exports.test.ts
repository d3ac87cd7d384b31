import { describe, expect, test } from "vitest";
import { parseAddress } from "./address-range.js";
import { type ExportsFile, parseEntry, parseExports, reaches, renderExports } from "./exports.js";

const OPERATORS = `# agents
10.0.0.0/24 /orders rw,maproot=0:0,password=a b
10.0.0.0/24 /stock rw
* /orders ro
10.0.0.0/24 . rw
192.168.0.1 / rw,alldirs
`;
const fence = { volume: "orders-db.data", agent: "agent 1", address: "10.0.0.7", path: "/orders" };

function fenced(...fences: (typeof fence)[]): string {
  return renderExports({ ...parseExports(OPERATORS), fences });
}

/** Addresses of those that may write to a path, as the master would read the file. */
function mayWrite(text: string, address: string, path: string): boolean {
  const value = parseAddress(address) ?? -1;
  return text
    .split("\n")
    .flatMap((line) => parseEntry(line) ?? [])
    .some(({ from, to, directory }) => value >= from && value <= to && reaches(directory, path));
}

test("what the operator wrote comes back unchanged when nobody is fenced", () => {
  expect(renderExports(parseExports(OPERATORS))).toBe(OPERATORS);
  const back: ExportsFile = { ...parseExports(fenced(fence)), fences: [] };
  expect(renderExports(back)).toBe(OPERATORS);
});

test("what is kept in the comments is read again", () => {
  const file: ExportsFile = {
    ...parseExports(OPERATORS),
    records: new Map([["orders-db.data", { epoch: 7n, agent: "agent 1" }]]),
    fences: [fence],
  };
  expect(parseExports(renderExports(file))).toEqual(file);
  expect(renderExports(parseExports(renderExports(file)))).toBe(renderExports(file));
});

describe("a fence", () => {
  test("takes one path from one address and from no other", () => {
    const text = fenced(fence);
    expect(mayWrite(text, "10.0.0.7", "/orders")).toBe(false);
    expect(mayWrite(text, "10.0.0.6", "/orders")).toBe(true);
    expect(mayWrite(text, "10.0.0.8", "/orders")).toBe(true);
    expect(mayWrite(text, "10.0.0.7", "/stock")).toBe(true);
    expect(text).toContain("10.0.0.0-10.0.0.6 /orders rw,maproot=0:0,password=a b\n");
  });

  test("takes what lies above the path as well, where that is how the address gets there", () => {
    const text = fenced({ ...fence, address: "192.168.0.1" });
    expect(mayWrite(text, "192.168.0.1", "/orders")).toBe(false);
  });

  test("of two addresses leaves neither in", () => {
    const text = fenced(fence, { ...fence, agent: "agent-2", address: "10.0.0.255" });
    expect(mayWrite(text, "10.0.0.7", "/orders")).toBe(false);
    expect(mayWrite(text, "10.0.0.255", "/orders")).toBe(false);
    expect(mayWrite(text, "10.0.0.8", "/orders")).toBe(true);
  });
});

test("directories above and below a path reach it, neighbours do not", () => {
  expect(reaches("/", "/orders")).toBe(true);
  expect(reaches("/orders/sub", "/orders")).toBe(true);
  expect(reaches("/orders2", "/orders")).toBe(false);
});
