import { HoldfastError } from "@holdfast/core";
import { systemClock } from "@holdfast/effects";
import { createMesosClient, type MesosClient } from "@holdfast/mesos";
import {
  applyClean,
  auditReservations,
  type ClusterView,
  type GivenUp,
  planClean,
  readCluster,
} from "@holdfast/storage-mesos-volume";
import type { Command } from "commander";
import { clusterLines, planLines, reservationLines } from "../reservations/lines.js";
import { printJson, printLines } from "./output.js";
import { withLimit } from "./store-options.js";

const LOOK_MS = 60_000;
const CLEAN_MS = 600_000;

interface MesosFlags {
  readonly mesos: readonly string[];
  readonly mesosAuthFile?: string;
  readonly mesosCa?: string;
  readonly json?: boolean;
}

interface GivenUpFlags extends MesosFlags {
  readonly goneService: readonly string[];
  readonly goneFramework: readonly string[];
}

/** `holdfast volume reservations …`: what is reserved on the agents of a Mesos cluster, and cleaning up what nobody needs. */
export function registerReservations(volume: Command): void {
  const reservations = volume
    .command("reservations")
    .description("reservations and persistent volumes on Mesos agents");
  withMesosFlags(reservations.command("list"))
    .description("who has reserved what, on which agent, and whether it is in use; roles with their quota")
    .action((flags: MesosFlags) =>
      withMesos(flags, LOOK_MS, async ({ cluster }) => {
        const entries = auditReservations(cluster);
        if (flags.json === true) {
          const { roles, quota, recovering } = cluster;
          return printJson({ reservations: entries, roles, quota, recovering });
        }
        printLines([...reservationLines(entries), ...clusterLines(cluster)]);
      }),
    );
  withGivenUpFlags(reservations.command("plan-clean"))
    .description(
      "what `clean` would destroy and give back: what a removed framework left, and what is given up by name",
    )
    .action((flags: GivenUpFlags) =>
      withMesos(flags, LOOK_MS, async ({ cluster }) => {
        const plan = planClean(auditReservations(cluster, givenUpBy(flags)));
        if (flags.json === true) printJson({ ...plan, recovering: cluster.recovering });
        else printLines([...planLines(plan), ...clusterLines({ ...cluster, roles: [], quota: NO_QUOTA })]);
      }),
    );
  withGivenUpFlags(reservations.command("clean"))
    .description("do what `plan-clean` printed, if it is still exactly that")
    .requiredOption("--token <token>", "as `plan-clean` printed it")
    .action((flags: GivenUpFlags & { token: string }) =>
      withMesos(flags, CLEAN_MS, async ({ client, cluster, signal }) => {
        const plan = planClean(auditReservations(cluster, givenUpBy(flags)));
        const done: { readonly hostname: string; readonly amounts: string; readonly state: string }[] = [];
        await applyClean({ client, clock: systemClock, signal }, plan, flags.token, ({ hostname, amounts }, state) => {
          done.push({ hostname, amounts, state });
          // At once: a person who waits sees what is done, also when a later step fails.
          if (flags.json !== true) printLines([`${hostname}: ${state} (${amounts})`]);
        });
        if (flags.json === true) printJson({ done });
        else if (done.length === 0) printLines(["Nothing was to be done."]);
      }),
    );
}

const NO_QUOTA: ClusterView["quota"] = { configs: [], infos: [] };

function withMesosFlags(command: Command): Command {
  return command
    .option(
      "--mesos <url>",
      "base URL of a master; all of them, given several times (default: $HOLDFAST_MESOS)",
      several,
      [],
    )
    .option("--mesos-auth-file <file>", "file with user:password, the user being the principal")
    .option("--mesos-ca <file>", "CA certificate of the masters")
    .option("--json", "machine-readable output");
}

function withGivenUpFlags(command: Command): Command {
  return withMesosFlags(command)
    .option("--gone-service <name>", "a service that will never run again; several times", several, [])
    .option("--gone-framework <id>", "a framework that will never come back; several times", several, []);
}

function several(value: string, before: readonly string[]): readonly string[] {
  return [...before, ...value.split(",").filter((part) => part !== "")];
}

function givenUpBy({ goneService: services, goneFramework: frameworks }: GivenUpFlags): GivenUp {
  return { services, frameworks };
}

interface MesosSession {
  readonly client: MesosClient;
  readonly cluster: ClusterView;
  readonly signal: AbortSignal;
}

async function withMesos(flags: MesosFlags, limitMs: number, action: (session: MesosSession) => Promise<void>) {
  const endpoints = flags.mesos.length > 0 ? flags.mesos : several(process.env.HOLDFAST_MESOS ?? "", []);
  if (endpoints.length === 0) {
    throw new HoldfastError("USAGE", "No Mesos master was given.", {
      hint: "Give --mesos URL for each master, or set HOLDFAST_MESOS to their URLs with commas.",
    });
  }
  const { mesosAuthFile: file, mesosCa: caFile } = flags;
  const client = createMesosClient({
    endpoints: [...endpoints],
    ...(file === undefined ? {} : { credentials: { type: "basic", secret: { file } } }),
    ...(caFile === undefined ? {} : { tls: { caFile } }),
  });
  await withLimit(limitMs, async (signal) => action({ client, cluster: await readCluster(client, signal), signal }));
}
