// @ts-check
import { expect, test } from "vitest";
import { proofOf, withProofs } from "./update-proofs.mjs";

const proof = { backend: "disk", grade: "lease-only", at: "2026-01-02T03:04:05.000Z", server: "disk 1", why: "seen" };
const report = {
  strategy: "own",
  package: { name: "own", version: "1.0.0" },
  backend: "disk",
  server: "disk 1",
  at: proof.at,
  mode: /** @type {const} */ ("full"),
  versions: { testkit: "1", node: "20", kernel: "6" },
  declaredGrade: "storage-fenced",
  proven: { grade: "lease-only", why: "seen" },
  cases: [],
};

test("a quick run proves nothing", () => {
  expect(proofOf({ ...report, mode: "quick" })).toBeUndefined();
  expect(proofOf(report)).toEqual(proof);
});

test.each([
  ["readonly StorageProof[]", "[]", [proof]],
  ["Readonly<Record<string, StorageProof>>", "{}", { disk: proof }],
])("writes a table of type %s and leaves everything else as it was", (type, empty, expected) => {
  const text = `/** Above. */\nexport const PROVEN: ${type} = ${empty};\n\nexport const below = 1;\n`;
  const written = withProofs(text, [proof]);
  expect(written).toMatch(/^\/\*\* Above\. \*\/\n/);
  expect(written).toMatch(/\nexport const below = 1;\n$/);
  const literal = /= ([\s\S]*?);\n\nexport const below/.exec(written)?.[1];
  expect(JSON.parse(literal ?? "")).toEqual(expected);
  expect(withProofs(written, [proof])).toBe(written);
});

test("refuses a file without such a table", () => {
  expect(() => withProofs("export const x = 1;\n", [proof])).toThrow("no table");
});
