import { type AgentId, type Epoch, epochSchema, HoldfastError, type Op } from "@holdfast/core";
import { addressesOf } from "../addresses.js";
import type { HookServerOptions, SharedFsOptions } from "../options.js";
import type { ServerController } from "./controller.js";
import { onServer } from "./run-script.js";

export interface HookStatus {
  readonly agent: AgentId;
  readonly byEpoch: Epoch;
  readonly line: string;
}

/** Pure: lines `AGENT BY-EPOCH words…`. @throws `INTERNAL` for anything else, because a fence is judged by it. */
export function parseHookStatus(text: string): HookStatus[] {
  return text
    .split("\n")
    .filter((line) => line.trim() !== "")
    .map((line) => {
      const [agent = "", word = ""] = line.trim().split(/\s+/);
      const byEpoch = epochSchema.safeDecode(word);
      if (byEpoch.success) return { agent, byEpoch: byEpoch.data, line };
      throw new HoldfastError("INTERNAL", `The hook's status has a line that cannot be read: ${line.slice(0, 200)}`, {
        hint: "It must print AGENT BY-EPOCH for each fenced agent, and nothing else.",
      });
    });
}

/** The operator's own commands, for servers that are administered in their own way. */
export function hookController(server: HookServerOptions, options: SharedFsOptions): ServerController {
  const run = (op: Op, command: readonly string[], words: readonly string[]) =>
    op.control(server.control, [...command, ...words], { timeoutMs: options.controlTimeoutMs });
  const status = async (op: Op) => parseHookStatus((await run(op, server.status, [])).stdout);
  const addresses = (agent: AgentId) => addressesOf(options, agent).join(",");

  return {
    async observe(op) {
      const fenced = await status(op);
      return { exists: true, attachments: [], fenced: fenced.map(({ agent }) => agent), detail: { via: "hook" } };
    },
    async attach(op, _volume, agent, epoch) {
      const fenced = await status(op);
      refuseStale(fenced, epoch);
      if (!fenced.some((entry) => entry.agent === agent)) return;
      throw new HoldfastError("DENIED", `Agent ${agent} is fenced.`, {
        hint: "It is let in again (unfence) once its former run is known to be gone.",
        detail: { agent },
      });
    },
    async detach() {
      // Nothing was done to attach it.
    },
    async fence(op, _volume, former, byEpoch) {
      refuseStale(await status(op), byEpoch);
      await run(op, server.fence, [former.agent, addresses(former.agent), String(former.epoch), String(byEpoch)]);
      const after = (await status(op)).find((entry) => entry.agent === former.agent);
      if (after !== undefined && after.byEpoch >= byEpoch) return after.line;
      throw new HoldfastError(
        "UNKNOWN_OUTCOME",
        `The hook fenced agent ${former.agent}, but its status does not say so.`,
        {
          hint: "status must list the agent with the epoch that fenced it.",
          retryable: true,
        },
      );
    },
    async unfence(op, _volume, agent) {
      if (!(await status(op)).some((entry) => entry.agent === agent)) return;
      await run(op, server.unfence, [agent, addresses(agent)]);
    },
    inspect: async () => [],
    fenceCommands: () => [
      onServer(server.control, [...server.fence, "AGENT", "ADDRESSES", "EPOCH", "BY-EPOCH"].join(" ")),
      onServer(server.control, `${server.status.join(" ")} # the receipt`),
    ],
  };
}

function refuseStale(fenced: readonly HookStatus[], epoch: Epoch): void {
  const newer = fenced.find((entry) => entry.byEpoch > epoch);
  if (newer === undefined) return;
  throw new HoldfastError(
    "STALE_EPOCH",
    `Epoch ${epoch} is older than ${newer.byEpoch}, which fenced ${newer.agent}.`,
    {
      hint: "Stop; the grant is void.",
    },
  );
}
