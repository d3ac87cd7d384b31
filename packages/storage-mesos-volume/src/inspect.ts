import { directoryFindings, type Op, type StorageFinding, type Volume } from "@holdfast/core";
import { agentLossTiming, type MesosClient, type MesosFlags } from "@holdfast/mesos";
import { hasPlace, locate } from "./node/locate.js";
import { shownAt } from "./node/shown.js";
import { candidates, type SeenVolume } from "./observe.js";
import { judgePrerequisites } from "./operator/prerequisites.js";
import type { MesosVolume } from "./options.js";

const LOOK_MS = 5_000;

interface Inspected {
  readonly mesos: MesosVolume;
  readonly client: MesosClient | null;
  readonly sandbox: string | null;
}

/** Read-only: Mesos's side where it can be asked, and the directory where this is the volume's agent. */
export async function inspectMesos(op: Op, volume: Volume, inspected: Inspected): Promise<StorageFinding[]> {
  const { mesos, client } = inspected;
  const findings = client === null ? [] : await clusterFindings(op, volume, mesos, client);
  return [...findings, ...(await nodeFindings(op, volume, inspected))];
}

/** @throws what the operator API throws: an inspection that cannot look has no answer. */
async function clusterFindings(
  op: Op,
  volume: Volume,
  { options }: MesosVolume,
  client: MesosClient,
): Promise<StorageFinding[]> {
  const { signal } = op;
  const { framework, mesosRole } = options;
  const { frameworks } = await client.getFrameworks({ signal });
  const { agents, recovered_agents } = await client.getAgents({ signal });
  const flags = await client.getFlags({ signal });
  const findings =
    options.through === "marathon" ? judgePrerequisites({ frameworks, flags }, { framework, mesosRole }) : [];
  findings.push(...volumeFindings(candidates(agents, volume)));
  if (recovered_agents.length > 0) {
    const names = recovered_agents.map(({ hostname }) => hostname).join(", ");
    findings.push({
      ...{ severity: "info", code: "MESOS_AGENTS_RECOVERING" },
      message: `The master waits for ${names} to come back; what they have is not in this.`,
      fix: "Look again when they are back.",
    });
  }
  findings.push(...lossFindings(flags));
  return findings;
}

/** Pure. Several of one name: one is in use, the others are what a wipe, a scale or a lost agent left. */
function volumeFindings(volumes: readonly SeenVolume[]): StorageFinding[] {
  const said = volumes.map(
    ({ id, hostname, sizeMb, used }) => `${id} on ${hostname} (${sizeMb} MB${used ? ", in use" : ""})`,
  );
  if (volumes.length < 2) return [];
  return [
    {
      ...{ severity: "warning", code: "MESOS_SEVERAL_VOLUMES" },
      message: `There are ${volumes.length} volumes of this name: ${said.join("; ")}. The data may be in one that is not in use.`,
      fix: "Compare their marks (.holdfast/volume.json) with the one on record before anything is wiped, scaled or cleaned.",
    },
  ];
}

function lossFindings(flags: MesosFlags): StorageFinding[] {
  const timing = agentLossTiming(flags);
  if (timing === undefined) return [];
  return [
    {
      ...{ severity: "info", code: "MESOS_AGENT_LOSS" },
      message: `Mesos calls an agent unreachable ${Math.round(timing.unreachableAfterMs / 1_000)} s after its last answer; the service then waits for it, without limit.`,
      fix: "Nothing, or set agent_ping_timeout and max_agent_ping_timeouts of the master.",
    },
  ];
}

async function nodeFindings(op: Op, volume: Volume, { mesos, sandbox }: Inspected): Promise<StorageFinding[]> {
  const mounts = await op.mounts();
  if (!hasPlace(mesos, sandbox)) return [];
  const { path } = await locate(op, mesos, sandbox);
  const seen = await op.volumes.look(path, { timeoutMs: LOOK_MS });
  if (!seen.mounted) return [];
  const findings: StorageFinding[] = [];
  const shown = mesos.options.view === "mount-path" ? shownAt(mounts, mesos) : null;
  if (shown !== null && shown.kind !== "shown") {
    findings.push({
      ...{ severity: "error", code: "MESOS_VOLUME_NOT_SHOWN" },
      message: `${path} is there, and is not the persistent volume but ${shown.found}.`,
      fix: "Add filesystem/linux to the agent's --isolation, or set view: sandbox.",
    });
  }
  const usage = await op.volumes.usage(path, { timeoutMs: LOOK_MS });
  return [...findings, ...directoryFindings(path, mounts, usage, volume.diskMiB)];
}
