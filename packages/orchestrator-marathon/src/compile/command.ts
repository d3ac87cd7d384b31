import { type EngineCommand, HoldfastError, type Service } from "@holdfast/core";
import type { CompileOptions, Delivery, StoreAccess } from "./options.js";
import type { ReasonedFields } from "./reasoned.js";
import { SERVICE_FILE_NAME } from "./service-file.js";

/** Where the Mesos containerizer shows the sandbox inside an image (`--sandbox_directory`, its default). */
const SANDBOX_IN_IMAGE = "/mnt/mesos/sandbox";
export const EXECUTABLE_NAME = "holdfast";
/**
 * In an image the check has another MESOS_SANDBOX and user than the run, since it gets the executor's environment
 * (checker_process.cpp), so that the two would look for each other in different places. Short enough for a socket.
 */
const SOCKET_IN_IMAGE = `${SANDBOX_IN_IMAGE}/holdfast.sock`;

interface Word {
  readonly text: string;
  readonly why: string;
}

/**
 * Sets `args`, or `cmd` where there is a container: Marathon names the program to execute only for apps without one
 * (TaskBuilder.scala sets `value` when the container is empty), so that with a container the words would stand there
 * without a program. `exec` replaces the shell: what is signalled and waited for is Holdfast.
 */
export function setCommand(fields: ReasonedFields, service: Service, options: CompileOptions, graceMs: number): void {
  const words = runWords(service, options, graceMs);
  if (options.image === undefined && !options.volumes(service).some(({ scheduler }) => scheduler !== null)) {
    const inner = Object.fromEntries(words.map(({ why }, index) => [String(index), why]));
    const args = words.map(({ text }) => text);
    fields.set("args", args, "exec form: no shell stands between Mesos and Holdfast, so that signals reach it", inner);
    return;
  }
  const line = words.map(({ text }) => shellWord(text)).join(" ");
  const why = words.map(({ text, why }) => `${text}: ${why}`).join("; ");
  fields.set(
    "cmd",
    `exec ${line}`,
    `with a container Marathon passes no program for args; exec replaces the shell, so that signals reach Holdfast. ${why}`,
  );
}

/** The shell line of the one health check. */
export function healthLine(service: Service, options: CompileOptions): string {
  const { executable } = options;
  const sandbox = options.image === undefined ? '"$MESOS_SANDBOX"' : SANDBOX_IN_IMAGE;
  const program = "path" in executable ? shellWord(executable.path) : `${sandbox}/${EXECUTABLE_NAME}`;
  const socket = options.image === undefined ? "" : ` --socket ${SOCKET_IN_IMAGE}`;
  return `${program} health --service ${shellWord(service.metadata.name)}${socket}`;
}

function runWords(service: Service, options: CompileOptions, graceMs: number): readonly Word[] {
  const words: Word[] = [];
  const add = (why: string, ...texts: readonly string[]) => words.push(...texts.map((text) => ({ text, why })));
  add("the executable", programPath(options.executable, EXECUTABLE_NAME, options));
  add("the wrapper that holds the lease", "run");
  add("what is run, and on which storage", "-f", programPath(options.serviceFile, SERVICE_FILE_NAME, options));
  add("where the lease is kept", "--store", withoutCredentials(options.store));
  for (const [flag, value] of storeFlags(options.storeAccess ?? {})) add("access to the store", flag, value);
  const { pluginDirs = [] } = options;
  if (pluginDirs.length > 0) add("where plugins of the service file are", "--plugin-dir", pluginDirs.join(":"));
  add("a predecessor that Marathon believes gone may still hold the lease", "--wait");
  add("taskKillGracePeriodSeconds, so that a run warns when its stop does not fit", "--kill-grace-ms", String(graceMs));
  if (options.image !== undefined) add("where the health check asks", "--status-socket", SOCKET_IN_IMAGE);
  const { engine } = service.spec;
  if (!("command" in engine)) addEngineCommand(add, engineCommand(service, options));
  return words;
}

type Add = (why: string, ...texts: readonly string[]) => void;

function addEngineCommand(add: Add, command: EngineCommand): void {
  if (command.user !== null) add("the engine's user", "--user", command.user);
  add("how the engine is asked to stop", "--stop-signal", command.stopSignal);
  add("the engine's command", "--", ...command.argv);
}

/** @throws `UNSUPPORTED` for an engine that `options.command` does not know. */
export function engineCommand(service: Service, options: CompileOptions): EngineCommand {
  const { engine } = service.spec;
  if ("command" in engine) return { argv: engine.command, env: {}, stopSignal: "SIGTERM", user: null };
  if (options.command === undefined) {
    throw new HoldfastError("UNSUPPORTED", `No command is known for the engine ${engine.type}.`, {
      hint: "Use the engine type `process` with a command, or install the engine's plugin.",
    });
  }
  return options.command(service);
}

function programPath(delivery: Delivery, name: string, { image }: CompileOptions): string {
  if ("path" in delivery) return delivery.path;
  return image === undefined ? `./${name}` : `${SANDBOX_IN_IMAGE}/${name}`;
}

function storeFlags(access: StoreAccess): readonly (readonly [string, string])[] {
  const flags = [
    ["--store-auth-file", access.authFile],
    ["--store-ca", access.caFile],
    ["--store-cert", access.certFile],
    ["--store-key", access.keyFile],
    ["--store-server-name", access.serverName],
  ] as const;
  return flags.flatMap(([flag, value]) => (value === undefined ? [] : [[flag, value] as const]));
}

function withoutCredentials(url: string): string {
  if (!/^[a-z+]+:\/\/[^/@]*@/.test(url)) return url;
  throw new HoldfastError("BAD_CONFIGURATION", "The store URL contains credentials.", {
    hint: "Everybody who may read Marathon's apps would see them: put them into a file on the agents (storeAccess.authFile).",
  });
}

/** A word as `/bin/sh` reads it back (POSIX.1-2017, Shell Command Language, 2.2.2). */
function shellWord(text: string): string {
  return /^[a-zA-Z0-9_@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
