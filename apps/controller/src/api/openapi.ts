import * as z from "zod";
import type { Route } from "./route.js";
import { errorAnswerSchema } from "./schemas.js";

/** Pure: the API as an OpenAPI 3.1 document, from the very schemas that check what comes in. */
export function openApiDocument(routes: readonly Route[], version: string): Record<string, unknown> {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const route of routes) {
    const operations = paths[route.path] ?? {};
    operations[route.method.toLowerCase()] = operation(route);
    paths[route.path] = operations;
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "Holdfast controller",
      version,
      description:
        "Every answer is JSON; GET /v1/events is a stream of server-sent events. Roles contain one another: view, operate, admin.",
    },
    security: [{ token: [] }],
    paths,
    components: {
      securitySchemes: { token: { type: "http", scheme: "bearer" } },
      schemas: { Error: jsonSchema(errorAnswerSchema, "output") },
    },
  };
}

function operation(route: Route): Record<string, unknown> {
  const { id, summary, description, role, params, query, body, answer, status } = route;
  const refusal = {
    description: "Refused; `error.code` says why.",
    content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
  };
  return {
    operationId: id,
    summary,
    ...(description === undefined ? {} : { description }),
    "x-role": role,
    parameters: [...parametersOf(params, "path"), ...parametersOf(query, "query")],
    ...(body === null
      ? {}
      : { requestBody: { required: true, content: { "application/json": { schema: jsonSchema(body, "input") } } } }),
    responses: {
      [status]: {
        description: "Done.",
        content: { "application/json": { schema: jsonSchema(answer, "output") } },
      },
      default: refusal,
    },
  };
}

interface ObjectSchema {
  readonly properties?: Readonly<Record<string, { readonly description?: string }>>;
  readonly required?: readonly string[];
}

function parametersOf(schema: z.ZodType, place: "path" | "query"): Record<string, unknown>[] {
  const { properties = {}, required = [] } = jsonSchema(schema, "input") as ObjectSchema;
  return Object.entries(properties).map(([name, property]) => ({
    ...{ name, in: place, required: place === "path" || required.includes(name), schema: property },
    ...(property.description === undefined ? {} : { description: property.description }),
  }));
}

function jsonSchema(schema: z.ZodType, io: "input" | "output"): Record<string, unknown> {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io, unrepresentable: "any" });
  return rest;
}
