import { readdirSync } from "node:fs";
import { type Contracts, findContracts } from "@holdfast/testkit";
import { Ajv, type ValidateFunction } from "ajv";

/** The published contract, and a check of what we send against its schema. */
export type Published = Extract<Contracts, { found: true }> & {
  /** The complaints; none when the definition is valid. */
  problems(definition: unknown): readonly string[];
  files(folder: string): readonly string[];
};

export const contracts = findContracts();

export function published(): Published {
  if (!contracts.found) throw new Error(contracts.reason);
  const validate = appValidator(contracts.json("marathon/schema/AppDefinition.json"));
  return {
    ...contracts,
    problems: (definition) =>
      validate(definition)
        ? []
        : (validate.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message}`),
    files: (folder) =>
      readdirSync(`${contracts.directory}/${folder}`)
        .sort()
        .map((name) => `${folder}/${name}`),
  };
}

function appValidator(schema: unknown): ValidateFunction {
  // Not strict: the published schema has three stray keywords (its executorResources lacks a level).
  const ajv = new Ajv({ strict: false, allErrors: true });
  ajv.addFormat("date-time", (text: string) => !Number.isNaN(Date.parse(text)));
  return ajv.compile(schema as object);
}
