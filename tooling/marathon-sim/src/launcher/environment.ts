import type { App } from "../core/app-schema.js";
import type { Launch } from "../core/model.js";

/** A value of a label this long or longer does not reach the task (facts 10). */
const LABEL_VALUE_MAX = 512;

const envName = (name: string) => name.toUpperCase().replace(/[^A-Z0-9_]/g, "_");

/** What a task finds in its environment (facts 10). Pure. The app's own `env` wins over all. */
export function taskEnvironment({ app, taskId, hostname, ports }: Launch, sandbox: string): Record<string, string> {
  const labels = Object.entries(app.labels).filter(([, value]) => value.length < LABEL_VALUE_MAX);
  const own = Object.entries(app.env).flatMap(([name, value]) => (typeof value === "string" ? [[name, value]] : []));
  return {
    MESOS_SANDBOX: sandbox,
    MESOS_DIRECTORY: sandbox,
    MESOS_TASK_ID: taskId,
    MARATHON_APP_ID: app.id,
    MARATHON_APP_VERSION: app.version,
    MARATHON_APP_RESOURCE_CPUS: decimal(app.cpus),
    MARATHON_APP_RESOURCE_MEM: decimal(app.mem),
    MARATHON_APP_RESOURCE_DISK: decimal(app.disk),
    MARATHON_APP_RESOURCE_GPUS: String(app.gpus),
    MARATHON_APP_ENFORCE_GROUP_ROLE: "false",
    ...(app.container?.type === "DOCKER" ? { MARATHON_APP_DOCKER_IMAGE: app.container.docker?.image ?? "" } : {}),
    MARATHON_APP_LABELS: labels.map(([key]) => envName(key)).join(" "),
    ...Object.fromEntries(labels.map(([key, value]) => [`MARATHON_APP_LABEL_${envName(key)}`, value])),
    HOST: hostname,
    ...portVariables(app, ports),
    ...Object.fromEntries(own),
  };
}

function portVariables(app: App, ports: readonly number[]): Record<string, string> {
  const [first] = ports;
  if (first === undefined) return {};
  const declared = app.portDefinitions ?? app.container?.portMappings ?? [];
  const variables: Record<string, string> = { PORT: String(first), PORTS: ports.join(",") };
  for (const [index, port] of ports.entries()) {
    variables[`PORT${index}`] = String(port);
    const definition = declared[index];
    const number = definition === undefined ? 0 : "port" in definition ? definition.port : definition.containerPort;
    if (number !== 0) variables[`PORT_${number}`] = String(port);
    if (definition?.name !== undefined) variables[`PORT_${envName(definition.name)}`] = String(port);
  }
  return variables;
}

/** As Scala prints a double. */
const decimal = (value: number) => (Number.isInteger(value) ? `${value}.0` : String(value));

/** What is executed: `cmd` under a shell, `args` as they are. Null = only an image could say. */
export function taskCommand(app: App): readonly [string, ...string[]] | null {
  if (app.cmd !== undefined) return ["/bin/sh", "-c", app.cmd];
  const [file, ...rest] = app.args ?? [];
  return file === undefined ? null : [file, ...rest];
}
