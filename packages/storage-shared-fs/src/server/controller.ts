import type { AgentId, Epoch, FormerHolder, ObservedVolume, Op, StorageFinding, Volume } from "@holdfast/core";

/** The part of a volume's life that happens at its server. */
export interface ServerController {
  observe(op: Op, volume: Volume): Promise<Omit<ObservedVolume, "recorded">>;
  attach(op: Op, volume: Volume, agent: AgentId, epoch: Epoch): Promise<void>;
  detach(op: Op, volume: Volume, agent: AgentId): Promise<void>;
  /** Resolves to the server's own answer after the fact. */
  fence(op: Op, volume: Volume, former: FormerHolder, byEpoch: Epoch): Promise<string>;
  unfence(op: Op, volume: Volume, agent: AgentId): Promise<void>;
  inspect(op: Op, volume: Volume): Promise<readonly StorageFinding[]>;
  /** What a fence would run, for a plan; with the addresses of all agents that are known. */
  fenceCommands(volume: Volume): readonly string[];
}
