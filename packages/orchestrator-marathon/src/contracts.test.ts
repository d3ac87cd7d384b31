import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Placement } from "@holdfast/core";
import { findContracts } from "@holdfast/testkit";
import { Ajv } from "ajv";
import { describe, expect, type TestContext, test } from "vitest";
import { compileApp } from "./compile/compile.js";
import { diffApp } from "./diff/diff.js";
import { appsIn } from "./documents.js";
import { lintDefinition } from "./lint/lint.js";
import { makeOptions, makeService, STRATEGIES } from "./service.fixture.js";

const onA: Placement = { kind: "agents", agents: ["a.example"], why: "the data is there" };

function published({ skip }: TestContext, name: string): string {
  const contracts = findContracts();
  return contracts.found ? join(contracts.directory, name) : skip(contracts.reason);
}

/** As the schema wants to be loaded: with stray keywords, and `date-time` only in what Marathon reports. */
function validator(path: string) {
  const schema = JSON.parse(readFileSync(path, "utf8")) as { $schema?: string };
  // Unversioned; it has no keyword that means anything else in ajv's own draft.
  delete schema.$schema;
  return new Ajv({ strict: false, validateFormats: false, allErrors: true }).compile(schema);
}

function problems(validate: ReturnType<typeof validator>, definition: unknown): string[] {
  return validate(definition)
    ? []
    : (validate.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message}`);
}

describe("the published schema of an app", () => {
  for (const [strategy, volume] of Object.entries(STRATEGIES)) {
    test(`accepts what ${strategy} compiles to`, (ctx) => {
      const validate = validator(published(ctx, "marathon/schema/AppDefinition.json"));
      const { definition, bytes } = compileApp(makeService(), onA, makeOptions(volume));
      expect(problems(validate, definition)).toEqual([]);
      expect(problems(validate, JSON.parse(bytes))).toEqual([]);
    });
  }

  test("accepts a warm standby, an image and a larger disk", (ctx) => {
    const validate = validator(published(ctx, "marathon/schema/AppDefinition.json"));
    const warm = compileApp(makeService({ standby: "warm" }), { kind: "any" }, makeOptions());
    const image = compileApp(makeService(), { kind: "any" }, { ...makeOptions(), image: "redis:7.0.1", user: "root" });
    const scheduler = { name: "data", sizeMiB: 10, disk: "mount", sizeMiBMax: 20, diskPath: "/disks/.*" } as const;
    const disk = compileApp(makeService(), { kind: "any" }, makeOptions({ ...STRATEGIES["mesos-volume"], scheduler }));
    for (const { definition } of [warm, image, disk]) expect(problems(validate, definition)).toEqual([]);
  });

  test("would notice: a misspelt field and a wrong type are refused", (ctx) => {
    const validate = validator(published(ctx, "marathon/schema/AppDefinition.json"));
    const { definition } = compileApp(makeService(), { kind: "any" }, makeOptions());
    expect(problems(validate, { ...definition, instance: 1 })).toHaveLength(1);
    expect(problems(validate, { ...definition, instances: "1" })).toHaveLength(1);
  });
});

/** File names, the place in the file, and codes: nothing of what is published is copied. */
function findingsOf(folder: string): string[] {
  const names = readdirSync(folder).filter((name) => name.endsWith(".json"));
  return names.sort().flatMap((name) => {
    const apps = appsIn(JSON.parse(readFileSync(join(folder, name), "utf8")));
    if (apps.length === 0) return [`${name}: no app`];
    return apps.map(({ pointer, definition }) => {
      const codes = lintDefinition(definition).map(({ code }) => `  ${code}`);
      return [`${name}${pointer}`, ...codes].join("\n");
    });
  });
}

describe("published definitions", () => {
  for (const folder of ["api/v2/examples", "system-test-apps", "extracted"]) {
    test(`all of ${folder} are linted without a crash, with these findings`, async (ctx) => {
      const found = findingsOf(published(ctx, `marathon/${folder}`));
      const file = `./__snapshots__/${folder.replaceAll("/", "-")}.txt`;
      await expect(`${found.join("\n")}\n`).toMatchFileSnapshot(file);
    });
  }

  test("none differs from itself, however it is written", (ctx) => {
    for (const folder of ["api/v2/examples", "system-test-apps", "extracted"]) {
      const path = published(ctx, `marathon/${folder}`);
      for (const name of readdirSync(path).filter((file) => file.endsWith(".json"))) {
        for (const { definition } of appsIn(JSON.parse(readFileSync(join(path, name), "utf8")))) {
          const app = definition as Record<string, unknown>;
          const reversed = Object.fromEntries(Object.entries(app).reverse());
          expect(diffApp(app, reversed).effect, name).toBe("none");
        }
      }
    }
  });
});
