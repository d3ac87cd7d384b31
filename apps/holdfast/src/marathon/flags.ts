import { HoldfastError, type HttpServiceConfig } from "@holdfast/core";
import { createMarathonClient } from "@holdfast/marathon";
import { createMesosClient } from "@holdfast/mesos";
import type { ClusterClients } from "@holdfast/orchestrator-marathon";
import { type Command, Option } from "commander";

/** How Marathon and Mesos are reached; without any of them, their defaults are taken, and that is said. */
export interface MarathonFlags {
  readonly orchestrator?: "marathon";
  readonly marathon: readonly string[];
  readonly marathonAuthFile?: string;
  readonly mesos: readonly string[];
  readonly mesosAuthFile?: string;
  readonly apiCa?: string;
}

export function withMarathonFlags(command: Command): Command {
  return command
    .addOption(
      new Option("--orchestrator <type>", "what places the runs; implied by --marathon and --mesos").choices([
        "marathon",
      ]),
    )
    .option("--marathon <url>", "Marathon; all instances with commas, or given several times", urls, [])
    .option("--marathon-auth-file <file>", "file with user:password for Marathon")
    .option("--mesos <url>", "Mesos masters; all of them with commas, or given several times", urls, [])
    .option("--mesos-auth-file <file>", "file with user:password for the Mesos masters; agents are asked without it")
    .option("--api-ca <file>", "CA certificate for https addresses of Marathon and Mesos");
}

function urls(value: string, before: readonly string[]): readonly string[] {
  return [...before, ...value.split(",").filter((url) => url !== "")];
}

/** Pure: whether the plan shall say what Marathon does with the service: when any of the flags is given. */
export function isOnMarathon(flags: MarathonFlags): boolean {
  const { orchestrator, marathon, mesos, marathonAuthFile, mesosAuthFile } = flags;
  return [orchestrator, marathon[0], mesos[0], marathonAuthFile, mesosAuthFile].some((value) => value !== undefined);
}

/** @throws `USAGE`, `INVALID_SPEC`: addresses or files that cannot work. Nothing is contacted. */
export function clusterClients(flags: MarathonFlags): ClusterClients {
  if (flags.marathonAuthFile !== undefined && flags.marathon.length === 0)
    throw without("--marathon-auth-file", "--marathon");
  if (flags.mesosAuthFile !== undefined && flags.mesos.length === 0) throw without("--mesos-auth-file", "--mesos");
  const tls = flags.apiCa === undefined ? {} : { tls: { caFile: flags.apiCa } };
  const [first] = flags.mesos;
  const scheme = first?.startsWith("https:") === true ? "https" : "http";
  return {
    marathon:
      flags.marathon.length === 0 ? null : createMarathonClient(config(flags.marathon, flags.marathonAuthFile, tls)),
    mesos: first === undefined ? null : createMesosClient(config(flags.mesos, flags.mesosAuthFile, tls)),
    // An agent's address is the master's word, and not the operator's: no credentials go there.
    agent: ({ agent_info: { hostname, port = 5051 } }) =>
      createMesosClient({ endpoints: [`${scheme}://${hostname}:${port}`], ...tls }),
  };
}

function config(
  endpoints: readonly string[],
  authFile: string | undefined,
  tls: Pick<HttpServiceConfig, "tls">,
): HttpServiceConfig {
  const credentials =
    authFile === undefined ? {} : { credentials: { type: "basic", secret: { file: authFile } } as const };
  return { endpoints: [...endpoints], ...credentials, ...tls };
}

function without(flag: string, needed: string): HoldfastError {
  return new HoldfastError("USAGE", `${flag} is given without ${needed}.`, { hint: `Give ${needed} URL as well.` });
}
