import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Ajv, type ValidateFunction } from "ajv";
import formats from "ajv-formats";
import type { Answer } from "../http/answer.js";
import { type ApiRequest, appTarget } from "../http/request.js";
import { RamlTypes } from "./raml.js";

export interface ContractFinding {
  readonly method: string;
  readonly path: string;
  readonly status: number | null;
  /** What the published contract says against the body. */
  readonly problems: readonly string[];
}

/** What a response's body is, by `METHOD kind`; `|` = one of them. */
const RESPONSES: Readonly<Record<string, string>> = {
  "GET apps": "app.AppList",
  "POST apps": "app.AppInfo",
  "PUT apps": "deploymentResult.DeploymentResult",
  "PATCH apps": "deploymentResult.DeploymentResult",
  "GET app": "{app} app.AppInfo",
  "PUT app": "deploymentResult.DeploymentResult",
  "PATCH app": "deploymentResult.DeploymentResult",
  "DELETE app": "deploymentResult.DeploymentResult",
  "POST restart": "deploymentResult.DeploymentResult",
  "GET tasks": "task.TaskList",
  "DELETE tasks": "task.TaskList|deploymentResult.DeploymentResult",
  "DELETE task": "task.TaskSingle|deploymentResult.DeploymentResult",
  "POST kill": "task.TaskList|deploymentResult.DeploymentResult",
  "GET versions": "app.VersionList",
  "GET version": "app.App",
  "GET deployments": "[] deploymentEventsInfo.DeploymentStepInfo",
  "DELETE deployment": "deploymentResult.DeploymentResult",
  "GET queue": "queue.Queue",
  "GET info": "info.MarathonInfo",
  "GET leader": "info.LeaderInfo",
  "DELETE leader": "stringTypes.Message",
};

/** Checks bodies against the published contract, read in place, and keeps what does not fit. */
export class ContractCheck {
  /** Answers of the double that the contract does not allow: defects of the double. */
  readonly responses: ContractFinding[] = [];
  /** Definitions that a client sent and the schema does not know, misspelt fields among them: Marathon says nothing. */
  readonly requests: ContractFinding[] = [];
  readonly #app: ValidateFunction;
  readonly #types: RamlTypes;
  readonly #ajv: Ajv;
  readonly #compiled = new Map<string, ValidateFunction>();

  /** @param directory - The folder of the contract: `api/`, `schema/`. */
  constructor(directory: string) {
    this.#types = new RamlTypes(join(directory, "api/v2/types"));
    // The published schema has stray keywords (see the README beside it).
    this.#ajv = new Ajv({ strict: false, allErrors: true });
    formats.default(this.#ajv);
    this.#app = this.#ajv.compile(appSchema(directory));
  }

  request({ method, path, body }: ApiRequest): void {
    const kind = kindOf(path);
    if (!["POST apps", "PUT app"].includes(`${method} ${kind}`)) return;
    let data: unknown;
    try {
      data = JSON.parse(body);
    } catch {
      return; // Marathon itself says what is wrong with it.
    }
    const id = kind === "app" ? appTarget(path.slice("/v2/apps/".length)).id : undefined;
    const whole = typeof data === "object" && data !== null && id !== undefined ? { id, ...data } : data;
    if (!this.#app(whole)) this.requests.push({ method, path, status: null, problems: problemsOf(this.#app) });
  }

  response({ method, path }: ApiRequest, { status, data, contentType }: Answer): void {
    if (!contentType.startsWith("application/json") || data === undefined) return;
    const type = status >= 400 ? "error" : RESPONSES[`${method} ${kindOf(path)}`];
    if (type === undefined) {
      this.responses.push({ method, path, status, problems: ["the contract has no such answer"] });
      return;
    }
    const validate = this.#validator(type);
    if (!validate(data)) this.responses.push({ method, path, status, problems: problemsOf(validate) });
  }

  #validator(type: string): ValidateFunction {
    const known = this.#compiled.get(type);
    if (known !== undefined) return known;
    const schema = type === "error" ? ERROR : this.#schema(type);
    const compiled = this.#ajv.compile({ ...(schema as object), definitions: this.#types.definitions });
    this.#compiled.set(type, compiled);
    return compiled;
  }

  #schema(type: string): object | boolean {
    if (type.startsWith("[] ")) return { type: "array", items: this.#types.reference(type.slice(3)) };
    if (type.startsWith("{app} "))
      return { type: "object", required: ["app"], properties: { app: this.#types.reference(type.slice(6)) } };
    return { anyOf: type.split("|").map((each) => this.#types.reference(each)) };
  }
}

/** `error.raml`, with the three shapes of `details` that the server really has (facts 11), and the lock's ids. */
const ERROR = {
  type: "object",
  required: ["message"],
  additionalProperties: false,
  properties: {
    message: { type: "string" },
    deployments: { type: "array", items: { type: "object", required: ["id"] } },
    details: {
      anyOf: [
        { type: "string" },
        {
          type: "array",
          items: {
            type: "object",
            required: ["path", "errors"],
            properties: { path: { type: "string" }, errors: { type: "array", items: { type: "string" } } },
          },
        },
      ],
    },
  },
};

/** The published JSON schema of an app, with the fields that are newer than it (its README names them). */
function appSchema(directory: string): object {
  const schema = JSON.parse(readFileSync(join(directory, "schema/AppDefinition.json"), "utf8"));
  const newer = ["check", "tty", "role", "resourceLimits"];
  for (const name of newer) schema.properties[name] ??= {};
  return schema;
}

function problemsOf({ errors }: ValidateFunction): string[] {
  return (errors ?? []).map(({ instancePath, message, params }) => {
    const what = Object.values(params ?? {}).join(", ");
    return `${instancePath || "/"} ${message ?? "does not fit"} (${what})`;
  });
}

function kindOf(path: string): string {
  const clean = path.replace(/(?<=.)\/+$/, "");
  if (clean.startsWith("/v2/apps/")) return appTarget(clean.slice("/v2/apps/".length)).kind;
  if (clean === "/v2/tasks/delete") return "kill";
  if (/^\/v2\/deployments\/./.test(clean)) return "deployment";
  return clean.replace(/^\/v2\//, "");
}
