// @ts-check
import { page, table } from "./tables.mjs";

/**
 * The part of JSON Schema that zod writes.
 *
 * @typedef {object} Schema
 * @property {string} [type]
 * @property {string} [description]
 * @property {unknown} [default]
 * @property {unknown} [const]
 * @property {readonly unknown[]} [enum]
 * @property {Record<string, Schema>} [properties]
 * @property {readonly string[]} [required]
 * @property {Schema | boolean} [additionalProperties]
 * @property {Schema} [items]
 * @property {readonly Schema[]} [prefixItems]
 * @property {readonly Schema[]} [anyOf]
 * @property {readonly Schema[]} [oneOf]
 * @property {string} [$ref]
 * @property {string} [pattern]
 * @property {number} [minimum]
 * @property {number} [maximum]
 * @property {number} [exclusiveMinimum]
 * @property {number} [minItems]
 */

/** @param {Schema} schema - Of what a person writes, before defaults. */
export function serviceFilePage(schema) {
  const { spec, ...head } = schema.properties ?? {};
  const headSchema = { ...schema, properties: head };
  return page("Service file", [
    "One YAML document per service. Unknown keys are errors. `[]` stands for each entry of a list, `<name>` for a key of " +
      "your choice. Secrets are references to a file or an environment variable, never values.",
    "## Head",
    keyTable(keysOf(headSchema, "")),
    ...Object.entries(spec?.properties ?? {}).flatMap(([name, part]) => [
      `## spec.${name}`,
      ...(part.description === undefined ? [] : [part.description]),
      keyTable(keyOf(name, part, "spec.", spec?.required?.includes(name) === true && part.default === undefined)),
    ]),
  ]);
}

/** @typedef {{ key: string, type: string, needed: string, description: string }} Key */

/** @param {readonly Key[]} keys */
function keyTable(keys) {
  return table(
    ["Key", "Value", "Default", "Meaning"],
    keys.map(({ key, type, needed, description }) => [`\`${key}\``, type, needed, description]),
  );
}

/**
 * @param {Schema} schema
 * @param {string} prefix
 * @returns {Key[]}
 */
function keysOf(schema, prefix) {
  return Object.entries(schema.properties ?? {}).flatMap(([name, part]) =>
    keyOf(name, part, prefix, schema.required?.includes(name) === true && part.default === undefined),
  );
}

/**
 * A key, and below it the keys of what it holds.
 *
 * @param {string} name
 * @param {Schema} schema
 * @param {string} prefix
 * @param {boolean} required
 * @returns {Key[]}
 */
function keyOf(name, schema, prefix, required) {
  const key = `${prefix}${name}`;
  const own = { key, type: typeOf(schema), needed: defaultOf(schema, required), description: schema.description ?? "" };
  const inner = schema.type === "array" && schema.items !== undefined ? schema.items : schema;
  const below = inner === schema ? `${key}.` : `${key}[].`;
  const variants = alternativesOf(inner);
  if (variants !== undefined) {
    const keys = variants.flatMap((variant) => keysOf(variant, below).map((entry) => withVariant(entry, variant)));
    return [own, ...keys];
  }
  if (typeof inner.additionalProperties === "object" && inner.properties === undefined) return [own];
  return [own, ...keysOf(inner, below)];
}

/**
 * Says in which of several forms a key is allowed, by the value that tells the forms apart.
 *
 * @param {Key} key
 * @param {Schema} variant
 */
function withVariant(key, variant) {
  const type = variant.properties?.type;
  const form = type?.const === undefined ? "any other type" : `type ${JSON.stringify(type.const)}`;
  return { ...key, description: [`With ${form}.`, key.description].filter((part) => part !== "").join(" ") };
}

/** @param {Schema} schema */
function alternativesOf(schema) {
  const all = schema.anyOf ?? schema.oneOf;
  return all?.every((entry) => entry.properties !== undefined) === true ? all : undefined;
}

/**
 * @param {Schema} schema
 * @returns {string}
 */
function typeOf(schema) {
  if (schema.const !== undefined) return `\`${JSON.stringify(schema.const)}\``;
  if (schema.enum !== undefined) return schema.enum.map((value) => `\`${String(value)}\``).join(" or ");
  const all = schema.anyOf ?? schema.oneOf;
  if (all !== undefined) return [...new Set(all.map(typeOf))].join(" or ");
  if (schema.$ref !== undefined) return "anything";
  switch (schema.type) {
    case "array":
      return `list${(schema.minItems ?? 0) > 0 ? " (not empty)" : ""} of ${typeOf(schema.items ?? {})}`;
    case "object":
      return typeof schema.additionalProperties === "object"
        ? `map of \`<name>\` to ${typeOf(schema.additionalProperties)}`
        : objectType(schema);
    case "integer":
    case "number":
      return [schema.type, boundsOf(schema)].filter((part) => part !== "").join(", ");
    case "string":
      return schema.pattern === undefined ? "string" : `string matching \`${schema.pattern}\``;
    default:
      return schema.type ?? "anything";
  }
}

/** @param {Schema} schema */
function objectType(schema) {
  const names = Object.keys(schema.properties ?? {});
  return names.length === 1 ? `\`{ ${names[0]}: … }\`` : "object";
}

/** @param {Schema} schema */
function boundsOf({ minimum, exclusiveMinimum, maximum }) {
  const lower = exclusiveMinimum !== undefined ? `> ${exclusiveMinimum}` : minimum !== undefined ? `≥ ${minimum}` : "";
  // Zod writes the largest safe integer where the schema gives no bound.
  const upper = maximum === undefined || maximum >= Number.MAX_SAFE_INTEGER ? "" : `≤ ${maximum}`;
  return [minimum === -Number.MAX_SAFE_INTEGER ? "" : lower, upper].filter((part) => part !== "").join(" and ");
}

/**
 * @param {Schema} schema
 * @param {boolean} required
 */
function defaultOf(schema, required) {
  if (required) return "required";
  if (schema.default === undefined) return "";
  const text = JSON.stringify(schema.default);
  return text === "{}" || text === "[]" ? "" : `\`${text}\``;
}
