import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { lintDefinition } from "@holdfast/orchestrator-marathon";
import { findContracts } from "@holdfast/testkit";
import { Ajv } from "ajv";
import { expect, test } from "vitest";

/** How the controller is deployed on Marathon itself. */
const file = fileURLToPath(new URL("../../../deploy/marathon/controller.json", import.meta.url));
const definition = JSON.parse(readFileSync(file, "utf8"));

test("the definition is what Marathon's published schema accepts", (ctx) => {
  const contracts = findContracts();
  const text = contracts.found ? contracts.text("marathon/schema/AppDefinition.json") : ctx.skip(contracts.reason);
  const schema = JSON.parse(text);
  // Unversioned; it has no keyword that means anything else in ajv's own draft.
  delete schema.$schema;
  const validate = new Ajv({ strict: false, validateFormats: false, allErrors: true }).compile(schema);
  expect(validate(definition) ? [] : validate.errors).toEqual([]);
  expect(validate({ ...definition, instances: "3" })).toBe(false);
});

test("our own linter finds nothing in it", () => {
  expect(lintDefinition(definition)).toEqual([]);
});

test("a quorum of copies is on machines of its own, open to callers with a token only, and without a secret in it", () => {
  expect(definition).toMatchObject({ instances: 3, constraints: [["hostname", "UNIQUE"]] });
  expect(definition.cmd).toContain("--tokens-file /");
  expect(definition.cmd).toContain("--tls-cert /");
  expect(definition).not.toHaveProperty("env");
});
