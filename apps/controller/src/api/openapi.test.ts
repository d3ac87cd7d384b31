import { Ajv } from "ajv";
import { describe, expect, test } from "vitest";
import { ControllerRig } from "../controller-rig.fixture.js";
import { openApiDocument } from "./openapi.js";
import { createRoutes } from "./routes.js";

// biome-ignore lint/suspicious/noExplicitAny: a document is walked, not typed
type Json = any;
const routes = createRoutes(new ControllerRig().context("x"), { version: "1.2.3", leads: () => false });
const document: Json = JSON.parse(JSON.stringify(openApiDocument(routes, "1.2.3")));
const operations: Json[] = Object.values(document.paths).flatMap((path: Json) => Object.values(path));

describe("the OpenAPI document", () => {
  test("has every route once, with role, summary, answer and refusal", () => {
    expect(operations).toHaveLength(routes.length);
    expect(new Set(operations.map(({ operationId }) => operationId)).size).toBe(routes.length);
    for (const operation of operations) {
      expect(operation).toMatchObject({ summary: expect.stringMatching(/\.$/), "x-role": expect.any(String) });
      expect(operation.responses.default.content["application/json"].schema.$ref).toBe("#/components/schemas/Error");
    }
  });

  test("declares exactly the parameters of its addresses", () => {
    for (const [path, methods] of Object.entries<Json>(document.paths)) {
      const named = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
      for (const { parameters } of Object.values<Json>(methods)) {
        const declared = parameters.filter((parameter: Json) => parameter.in === "path");
        expect(declared.map(({ name }: Json) => name)).toEqual(named);
        expect(declared.every(({ required }: Json) => required)).toBe(true);
      }
    }
  });

  test("has schemas that another program can use", () => {
    const ajv = new Ajv({ strict: false, validateFormats: false });
    const schemas = operations.flatMap(({ requestBody, responses }) => [
      ...(requestBody === undefined ? [] : [requestBody.content["application/json"].schema]),
      ...Object.values<Json>(responses).map((response) => response.content["application/json"].schema),
    ]);
    for (const { $schema: _, ...schema } of schemas.filter(({ $ref }) => $ref === undefined)) ajv.compile(schema);
    const body = document.paths["/v1/services/{service}/pause"].post.requestBody.content["application/json"].schema;
    const { $schema: _, ...pause } = body;
    const validate = ajv.compile(pause);
    expect(validate({ reason: "x", forMs: 5_000 })).toBe(true);
    expect(validate({ reason: "x" })).toBe(false);
  });
});
