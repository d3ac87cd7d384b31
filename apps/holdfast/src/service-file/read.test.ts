import { assemblePlugins, type HoldfastError } from "@holdfast/core";
import { createFakeStorageStrategy } from "@holdfast/testkit";
import { describe, expect, test } from "vitest";
import * as z from "zod";
import { parseServiceFile, readServiceFile } from "./read.js";
import { resolveVolumes } from "./volumes.js";

const good = `apiVersion: holdfast/v1
kind: Service
metadata: { name: orders-db }
spec:
  engine:
    type: process
    command: [redis-server]
  storage:
    - strategy: shared-fs
      mountPath: /srv/orders-db
      options: { source: "filer:/orders" }
  exclusivity:
    leaseMs: 30000
  resources: { cpus: 1, memMiB: 256 }
`;

function refusal(text: string): HoldfastError {
  try {
    parseServiceFile(text, "orders.yaml");
  } catch (error) {
    return error as HoldfastError;
  }
  throw new Error("it was accepted");
}

describe("parseServiceFile", () => {
  test("gives the service with its defaults", () => {
    const { service } = parseServiceFile(good, "orders.yaml");
    expect(service.spec.exclusivity.renewMs).toBe(3_000);
    expect(service.spec.storage[0]).toMatchObject({ role: "data", options: { source: "filer:/orders" } });
  });

  test.each([
    ["an unknown key, at its own line", good.replace("leaseMs:", "leseMs:"), 13, "spec.exclusivity.leseMs"],
    ["a wrong value", good.replace("/srv/orders-db", "srv"), 10, "spec.storage[0].mountPath"],
    ["a missing key, at what should hold it", good.replace(", memMiB: 256", ""), 14, "spec.resources.memMiB"],
    ["an impossible budget", good.replace("30000", "10000"), 13, "spec.exclusivity.leaseMs"],
    ["the form of the engine that was meant", good.replace("command:", "comand:"), 7, "spec.engine.comand"],
    ["another API version", good.replace("holdfast/v1", "holdfast/v2"), 1, "apiVersion"],
  ])("names %s", (_, text, line, key) => {
    const error = refusal(text);
    expect(error).toMatchObject({ code: "INVALID_SPEC" });
    expect(error.message).toContain(`orders.yaml:${line}:`);
    expect(error.message).toContain(`${key}:`);
    expect(error.hint).not.toBe("");
  });

  test("names all that is wrong at once, in the order of the file", () => {
    const { detail } = refusal(good.replace("/srv/orders-db", "srv").replace("leaseMs:", "leseMs:"));
    expect(detail.problems).toMatchObject([{ line: 10 }, { line: 13 }]);
  });

  test("an impossible budget says which number to change", () => {
    expect(refusal(good.replace("30000", "10000")).message).toContain("raise leaseMs or lower stopBudgetMs");
  });

  test.each([
    ["what is not YAML", good.replace("{ name: orders-db }", "{ name: orders-db"), 4],
    ["a key given twice", good.replace("kind: Service", "kind: Service\nkind: Service"), 3],
    ["a second service", `${good}---\n${good}`, 15],
  ])("refuses %s", (_, text, line) => {
    expect(refusal(text)).toMatchObject({ code: "INVALID_SPEC" });
    expect(refusal(text).message).toContain(`orders.yaml:${line}`);
  });

  test("refuses an empty file", () => {
    expect(refusal("# nothing\n")).toMatchObject({ code: "INVALID_SPEC" });
  });

  test("refuses two volumes with one role", () => {
    const second = "    - { strategy: shared-fs, mountPath: /srv/log }\n  exclusivity:";
    expect(refusal(good.replace("  exclusivity:", second)).message).toContain("spec.storage[1].role");
  });
});

test("a file that is not there is told apart from one that is wrong", async () => {
  await expect(readServiceFile("/nowhere/service.yaml")).rejects.toMatchObject({ code: "BAD_CONFIGURATION" });
});

describe("resolveVolumes", () => {
  const registry = (schema?: z.ZodType) => {
    const fake = createFakeStorageStrategy({ type: "shared-fs" });
    const strategy = schema === undefined ? fake : { ...fake, optionsSchema: schema };
    return assemblePlugins([{ apiVersion: 1, from: "test", strategies: [strategy] }]);
  };
  const file = parseServiceFile(good, "orders.yaml");

  test("gives each volume with its strategy", () => {
    expect(resolveVolumes(file, registry())).toMatchObject([
      { strategy: { type: "shared-fs" }, volume: { service: "orders-db", role: "data", mountPath: "/srv/orders-db" } },
    ]);
  });

  test("names the line of a strategy that nobody provides", () => {
    expect(() => resolveVolumes(file, assemblePlugins([]))).toThrow(/orders\.yaml:9:.*spec\.storage\[0\]\.strategy/);
  });

  test("names the line of an option that the strategy refuses", () => {
    const strict = registry(z.strictObject({ export: z.string() }));
    expect(() => resolveVolumes(file, strict)).toThrow(/orders\.yaml:11:.*options\.source/);
  });
});

test("a file that is something else altogether is refused in a few lines", () => {
  const prose = Array.from({ length: 20 }, () => "text `of` a page\n- a: b: c\n`code` d\n\n").join("");
  let message = "";
  try {
    parseServiceFile(prose, "README.md");
  } catch (error) {
    message = error instanceof Error ? error.message : "";
  }
  expect(message.split("\n").length).toBeLessThanOrEqual(4);
  expect(message).toMatch(/README\.md:\d+:\d+/);
  expect(message).toMatch(/\d+ more/);
});
