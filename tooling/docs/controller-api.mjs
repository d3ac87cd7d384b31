// @ts-check
import { page, table } from "./tables.mjs";

/**
 * @typedef {{ type?: string | string[], description?: string, enum?: unknown[], const?: unknown, default?: unknown,
 *   properties?: Record<string, Schema>, required?: string[], items?: Schema, anyOf?: Schema[] }} Schema
 * @typedef {{ operationId: string, summary: string, description?: string, "x-role": string,
 *   parameters: { name: string, in: string, required: boolean, schema: Schema, description?: string }[],
 *   requestBody?: { content: { "application/json": { schema: Schema } } },
 *   responses: Record<string, { content: { "application/json": { schema: Schema } } }> }} Operation
 */

/**
 * @param {Record<string, any>} document - As the controller gives it at /openapi.json.
 */
export function controllerApiPage(document) {
  const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({
      name: `${method.toUpperCase()} ${path}`,
      operation: /** @type {Operation} */ (operation),
    })),
  );
  return page(
    "The controller's API",
    [
      "`holdfast controller` answers HTTP. The same as [OpenAPI 3.1](https://spec.openapis.org/oas/v3.1.0) is at " +
        "`/openapi.json`. `GET /healthz` needs no token; `GET /v1/events` (view) is a stream of server-sent events, which begins " +
        "with `resync` and is at the controller that leads: another one answers 307. Every other controller answers everything " +
        "else just as well, because what is asked for is written to the store.",
      "Callers give `authorization: Bearer TOKEN`; roles contain one another: view, operate, admin. A refusal has a status of " +
        "400 and above and a body `{error: {code, message, hint, retryable, detail}}` with one of the [error codes](errors.md).",
      table(
        ["Operation", "Role", "What"],
        operations.map(({ name, operation }) => [`\`${name}\``, operation["x-role"], operation.summary]),
      ),
      ...operations.flatMap(({ name, operation }) => describeOperation(name, operation)),
    ],
    "apps/controller",
  );
}

/**
 * @param {string} name
 * @param {Operation} operation
 */
function describeOperation(name, operation) {
  const { description, parameters, requestBody, responses } = operation;
  const body = requestBody?.content["application/json"].schema;
  const [status, answer] = Object.entries(responses)[0] ?? ["200", undefined];
  const asked = [
    ...parameters.map(({ name: own, in: place, required, schema, description: what }) => [
      `\`${own}\` (${place})`,
      typeOf(schema),
      required ? "yes" : defaultOf(schema),
      what ?? "",
    ]),
    ...fieldsOf(body).map(([own, schema, required]) => [
      `\`${own}\``,
      typeOf(schema),
      required ? "yes" : defaultOf(schema),
      schema.description ?? "",
    ]),
  ];
  const answered = answersOf(answer?.content["application/json"].schema).flatMap(fieldsOf);
  return [
    `## ${name}`,
    `${operation.summary}${description === undefined ? "" : ` ${description}`} Role: ${operation["x-role"]}.`,
    ...(asked.length === 0 ? [] : [table(["Given", "Type", "Needed", "Meaning"], asked)]),
    ...(answered.length === 0
      ? []
      : [
          table(
            [`Answer ${status}`, "Type", "Meaning"],
            answered.map(([own, schema]) => [`\`${own}\``, typeOf(schema), schema.description ?? ""]),
          ),
        ]),
  ];
}

/** @param {Schema | undefined} schema @returns {Schema[]} */
function answersOf(schema) {
  return schema?.anyOf ?? (schema === undefined ? [] : [schema]);
}

/** @param {Schema | undefined} schema @returns {[string, Schema, boolean][]} */
function fieldsOf(schema) {
  const required = schema?.required ?? [];
  return Object.entries(schema?.properties ?? {}).map(([name, field]) => [name, field, required.includes(name)]);
}

/** @param {Schema} schema @returns {string} */
function typeOf({ type, enum: values, const: only, items, anyOf }) {
  if (only !== undefined) return JSON.stringify(only);
  if (values !== undefined) return values.map((value) => JSON.stringify(value)).join(" or ");
  if (anyOf !== undefined) return anyOf.map(typeOf).join(" or ");
  if (type === "array") return `list of ${items === undefined ? "anything" : typeOf(items)}`;
  return Array.isArray(type) ? type.join(" or ") : (type ?? "any");
}

/** @param {Schema} schema */
function defaultOf(schema) {
  return schema.default === undefined ? "no" : `no: ${JSON.stringify(schema.default)}`;
}
