import { spawn } from "node:child_process";
import { hostname } from "node:os";
import { type ErrorCode, HoldfastError, type PluginReference } from "@holdfast/core";
import { programCommand } from "../embedded.js";
import type { ResolvedService, ResolveRequest } from "../storage/spec.js";
import type { RunArguments } from "./parse.js";

type Environment = Readonly<Record<string, string | undefined>>;

/** Reading files and loading plugins; beyond it a disk hangs. */
const RESOLVE_MS = 30_000;

/**
 * Has a process of its own read the service file and load the strategies: the guard holds a deadline later, and loads
 * neither. Null when the command line asks for neither.
 * @throws `USAGE`, `INVALID_SPEC`, `INCOMPATIBLE`, `BAD_CONFIGURATION`.
 */
export async function resolveStorage(args: RunArguments, env: Environment): Promise<ResolvedService | null> {
  const request = resolveRequest(args, env);
  return request === null ? null : askResolver(request);
}

function resolveRequest(args: RunArguments, env: Environment): ResolveRequest | null {
  const file = args.text("file");
  const type = args.text("strategy");
  const pluginDirs = pluginDirectories(args);
  if (file === undefined && type === undefined) {
    for (const name of ["strategy-options", "plugin", "plugin-dir"] as const) {
      if (args.text(name) !== undefined) throw usage(`--${name} needs --strategy or -f.`);
    }
    for (const name of ["initialise", "format"] as const)
      if (args.isSet(name)) throw usage(`--${name} needs --strategy or -f.`);
    return null;
  }
  if (file !== undefined && type !== undefined) throw usage("--strategy and -f exclude each other.");
  if (file !== undefined) {
    for (const name of ["volume", "strategy-options", "plugin"] as const)
      if (args.text(name) !== undefined) throw usage(`--${name} and -f exclude each other: the file says it.`);
  }
  if (args.isSet("format") && !args.isSet("initialise")) throw usage("--format needs --initialise.");
  const agent = agentName(args, env);
  if (type === undefined) return { file: file ?? null, strategy: null, pluginDirs, agent };
  const service = args.text("service") ?? env.HOLDFAST_SERVICE;
  const mountPath = args.text("volume");
  if (service === undefined) throw usage("--strategy needs --service.");
  if (mountPath === undefined) throw usage("--strategy needs --volume, the path at which the volume is to appear.");
  const plugins = pluginReferences(args.text("plugin") ?? "");
  const optionsFile = args.text("strategy-options") ?? null;
  return { file: null, strategy: { type, optionsFile, service, mountPath, plugins }, pluginDirs, agent };
}

export function pluginDirectories(args: Pick<RunArguments, "text">): string[] {
  return (args.text("plugin-dir") ?? "").split(":").filter((directory) => directory !== "");
}

function pluginReferences(text: string): PluginReference[] {
  return text
    .split(",")
    .filter((part) => part !== "")
    .map((part) => {
      const at = part.lastIndexOf("@");
      if (at <= 0) throw usage(`--plugin ${part} names no version.`);
      return { package: part.slice(0, at), version: part.slice(at + 1) };
    });
}

export function agentName(args: RunArguments, env: Environment): string {
  return args.text("agent") ?? env.MESOS_AGENT_ID ?? env.HOST ?? hostname();
}

function usage(message: string): HoldfastError {
  return new HoldfastError("USAGE", message, { hint: "See `holdfast run --help`." });
}

type Answer =
  | { readonly resolved: ResolvedService }
  | { readonly error: { readonly code: ErrorCode; readonly message: string; readonly hint: string } };

async function askResolver(request: ResolveRequest): Promise<ResolvedService> {
  const output = await runResolver(JSON.stringify(request));
  const answer = JSON.parse(output) as Answer;
  if ("resolved" in answer) return answer.resolved;
  const { code, message, hint } = answer.error;
  throw new HoldfastError(code, message, { hint });
}

function runResolver(input: string): Promise<string> {
  const { file, args } = programCommand(["__storage", "resolve"]);
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, { stdio: ["pipe", "pipe", "inherit"] });
    const fail = (how: string) =>
      reject(
        new HoldfastError("INTERNAL", `The service could not be resolved: ${how}.`, {
          hint: "See the messages above.",
        }),
      );
    const timer = setTimeout(() => {
      child.kill("SIGKILL");
      fail(`no answer within ${RESOLVE_MS} ms`);
    }, RESOLVE_MS);
    let output = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
    child.on("error", (error) => fail(error.message));
    child.on("close", (code, signal) => {
      clearTimeout(timer);
      if (code === 0) resolve(output);
      else fail(`it ended with ${code ?? signal}`);
    });
    child.stdin.on("error", () => undefined); // it ended; its exit says so
    child.stdin.end(input);
  });
}
