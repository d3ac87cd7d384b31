import { readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { parse } from "yaml";

type Raml = Readonly<Record<string, unknown>>;
export type JsonSchema = Record<string, unknown> | boolean;

/** RAML's scalar types and what JSON Schema calls them. */
const SCALARS: Readonly<Record<string, JsonSchema>> = {
  string: { type: "string" },
  number: { type: "number" },
  integer: { type: "integer" },
  boolean: { type: "boolean" },
  datetime: { type: "string", format: "date-time" },
  nil: { type: "null" },
  any: true,
  object: { type: "object" },
};
/** Facets that mean the same in both. */
const FACETS = [
  "minimum",
  "maximum",
  "minLength",
  "maxLength",
  "pattern",
  "minItems",
  "maxItems",
  "uniqueItems",
  "enum",
];

/**
 * Reads types of the published RAML as JSON Schema. Objects are closed: a member that the contract does not name is an
 * invention. Covers what the published files use: objects with inheritance, unions, arrays, pattern properties.
 */
export class RamlTypes {
  readonly #directory: string;
  readonly #libraries = new Map<string, Raml>();
  readonly definitions: Record<string, JsonSchema> = {};

  /** @param directory - The folder `api/v2/types` of the contract. */
  constructor(directory: string) {
    this.#directory = directory;
  }

  /** A reference to the type, whose schema is then in `definitions`. `app.AppList`: type AppList of `app.raml`. */
  reference(expression: string): JsonSchema {
    const [library = "", name = ""] = expression.split(".");
    return this.#expression(name, `${library}.raml`);
  }

  #library(file: string): Raml {
    const known = this.#libraries.get(file);
    if (known !== undefined) return known;
    const text = readFileSync(join(this.#directory, file), "utf8");
    const library = parse(text, { customTags: [{ tag: "!include", resolve: (value: string) => value }] }) as Raml;
    this.#libraries.set(file, library);
    return library;
  }

  /** `A | B`, `(A | B)`, `A[]`, `library.A`, or a scalar. */
  #expression(source: string, file: string): JsonSchema {
    const text = source.trim();
    const inner = /^\((.*)\)$/.exec(text)?.[1] ?? text;
    const parts = inner.split("|");
    if (parts.length > 1) return { anyOf: parts.map((part) => this.#expression(part, file)) };
    if (inner.endsWith("[]")) return { type: "array", items: this.#expression(inner.slice(0, -2), file) };
    if (inner in SCALARS) return SCALARS[inner] ?? true;
    const [home, name] = this.#locate(inner, file);
    const key = `${home.replace(/\.raml$/, "")}.${name}`;
    if (!(key in this.definitions)) {
      this.definitions[key] = true; // the place is taken: a type may refer to itself
      this.definitions[key] = this.#declared(this.#type(name, home), home);
    }
    return { $ref: `#/definitions/${key}` };
  }

  #locate(name: string, file: string): [file: string, name: string] {
    const [prefix, member] = name.split(".");
    if (member === undefined) return [file, name];
    const uses = this.#library(file).uses as Record<string, string> | undefined;
    const target = uses?.[prefix ?? ""];
    if (target === undefined) throw new Error(`${file} uses no library ${prefix}`);
    return [normalize(join(dirname(file), target)), member];
  }

  #type(name: string, file: string): unknown {
    const types = this.#library(file).types as Record<string, unknown> | undefined;
    const type = types?.[name];
    if (type === undefined) throw new Error(`${file} has no type ${name}`);
    return type;
  }

  #declared(declaration: unknown, file: string): JsonSchema {
    if (typeof declaration === "string") return this.#expression(declaration, file);
    if (typeof declaration !== "object" || declaration === null) return true;
    const raml = declaration as Raml;
    const facets = Object.fromEntries(FACETS.filter((name) => name in raml).map((name) => [name, raml[name]]));
    if ("properties" in raml || this.#inheritsObject(raml, file)) return this.#object(raml, file);
    if (raml.type === "array" || "items" in raml)
      return { ...facets, type: "array", items: "items" in raml ? this.#declared(raml.items, file) : true };
    if (typeof raml.type !== "string") return { ...facets };
    const base = this.#expression(raml.type, file);
    return Object.keys(facets).length === 0 || typeof base === "boolean" ? base : { allOf: [base, facets] };
  }

  #inheritsObject(raml: Raml, file: string): boolean {
    return raml.type === "object" || Object.keys(this.#inherited(raml, file)).length > 0;
  }

  /** Members of the types that an object builds on. */
  #inherited({ type }: Raml, file: string): Record<string, [declaration: unknown, file: string]> {
    if (typeof type !== "string" || type === "array" || type in SCALARS || /[|()]|\[\]/.test(type)) return {};
    const [home, name] = this.#locate(type, file);
    const parent = this.#type(name, home);
    return typeof parent === "object" && parent !== null ? this.#members(parent as Raml, home) : {};
  }

  #members(raml: Raml, file: string): Record<string, [declaration: unknown, file: string]> {
    const members = this.#inherited(raml, file);
    for (const [key, value] of Object.entries((raml.properties ?? {}) as Raml)) members[key] = [value, file];
    return members;
  }

  #object(raml: Raml, file: string): JsonSchema {
    const properties: Record<string, JsonSchema> = {};
    const patternProperties: Record<string, JsonSchema> = {};
    const required: string[] = [];
    for (const [key, [value, home]] of Object.entries(this.#members(raml, file))) {
      const pattern = /^\/(.*)\/$/.exec(key)?.[1];
      if (pattern !== undefined) patternProperties[pattern] = this.#declared(value, home);
      else {
        properties[key.replace(/\?$/, "")] = this.#declared(value, home);
        if (!key.endsWith("?")) required.push(key);
      }
    }
    const open = Object.keys(properties).length + Object.keys(patternProperties).length === 0;
    return { type: "object", properties, patternProperties, required, additionalProperties: open };
  }
}
