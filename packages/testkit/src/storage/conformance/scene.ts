import { randomUUID } from "node:crypto";
import type {
  AgentId,
  AttachContext,
  Epoch,
  FormerHolder,
  Grant,
  StorageCapabilities,
  StorageRecord,
  StorageStrategy,
  Volume,
} from "@holdfast/core";
import { createOp, monotonicMs, nativeVolumeTools } from "@holdfast/effects";
import type { ConformanceSubject, StorageAgent, StorageWorld } from "../world.js";
import { Controller } from "./controller.js";
import type { Executable } from "./executable/service.js";
import { Broken } from "./expect.js";
import { findInit } from "./init-path.js";
import { type NodeHalf, startNodeHalf } from "./node-half.js";
import { countEffects, type EffectCounter } from "./runner/effects.js";
import type { CrashPoint } from "./runner/protocol.js";

export type Mode = "quick" | "full";

export interface SceneDeps {
  readonly subject: ConformanceSubject;
  readonly strategy: StorageStrategy;
  readonly world: StorageWorld;
  readonly mode: Mode;
  readonly workDirectory: string;
  /** Processes outside of any tree, by agent: they outlive the cases, as nothing is kept in them. */
  readonly outside: Map<AgentId, NodeHalf>;
  readonly executable: Executable | undefined;
}

/** What one case plays on: volumes nobody used before, agents, and whatever it started, which ends with it. */
export class Scene {
  readonly strategy: StorageStrategy;
  readonly world: StorageWorld;
  readonly mode: Mode;
  readonly deps: SceneDeps;
  /** Milliseconds by name, and facts, for the report. */
  readonly measured: Record<string, number> = {};
  readonly facts: string[] = [];
  readonly #halves: NodeHalf[] = [];
  readonly #volumes: Volume[] = [];
  readonly #undo: (() => Promise<void>)[] = [];
  readonly #controllers: AbortController[] = [];
  readonly #written = new Map<Volume, unknown>();
  readonly #recorded = new Map<Volume, StorageRecord>();

  constructor(deps: SceneDeps) {
    this.deps = deps;
    this.strategy = deps.strategy;
    this.world = deps.world;
    this.mode = deps.mode;
  }

  /** Waits in full mode are what the grade is defined by; in quick mode long enough to see most of what goes wrong. */
  get afterHealingMs(): number {
    return this.mode === "full" ? 60_000 : 4_000;
  }

  agent(index: 0 | 1): StorageAgent {
    return this.world.agents[index];
  }

  capabilities(volume: Volume): StorageCapabilities {
    return this.strategy.capabilities(volume);
  }

  /** A volume nobody used before, its options parsed as a service file's are. */
  async volume(): Promise<Volume> {
    const created = await this.world.createVolume(`c${randomUUID().slice(0, 8)}`);
    const options: unknown = { ...(created.options as object), ...this.deps.subject.options };
    const volume = { ...created, options: this.strategy.optionsSchema.parse(options) };
    this.#volumes.push(volume);
    this.#written.set(volume, options);
    return volume;
  }

  /** A volume's options as a person would write them. */
  writtenOptions(volume: Volume): unknown {
    return this.#written.get(volume);
  }

  grant(volume: Volume, agent: AgentId, epoch: Epoch, run = randomUUID()): Grant {
    return { service: volume.service, epoch, run, agent, signal: this.#signal() };
  }

  /** An `op` for the controller side, counted. */
  op(crash?: CrashPoint): EffectCounter {
    const inner = createOp({
      signal: this.#signal(),
      logger: { log: () => undefined },
      volumeTools: nativeVolumeTools(findInit()),
      workDirectory: this.deps.workDirectory,
    });
    return countEffects(inner, crash);
  }

  controller(volume: Volume): Controller {
    return new Controller(this, volume);
  }

  /** A new tree. */
  async half(agent: StorageAgent): Promise<NodeHalf> {
    const half = await startNodeHalf({ agent, strategy: this.deps.subject.strategy });
    this.#halves.push(half);
    return half;
  }

  /** A process on the agent outside of any tree. */
  async outside(agent: StorageAgent): Promise<NodeHalf> {
    const { outside, subject } = this.deps;
    const known = outside.get(agent.id);
    if (known !== undefined && !known.over()) return known;
    const half = await startNodeHalf({ agent, strategy: subject.strategy, tree: "none" });
    outside.set(agent.id, half);
    return half;
  }

  /** The tree is gone: what the supervisor does next on that agent. @throws Broken when the cut exceeds its bound. */
  async cutOutside(agent: StorageAgent, volume: Volume): Promise<string> {
    const outside = await this.outside(agent);
    const { cutMsMax } = this.capabilities(volume);
    const startMs = monotonicMs();
    const cut = await outside.cut(volume, { timeoutMs: cutMsMax + CUT_SLACK_MS });
    this.measure("cut", startMs);
    return cut.kind;
  }

  /** What core would have on record of the volume. */
  recorded(volume: Volume): StorageRecord | null {
    return this.#recorded.get(volume) ?? null;
  }

  record(volume: Volume, grant: Grant, volumeId: string): void {
    const at = new Date().toISOString();
    const pinned = !this.capabilities(volume).movesBetweenAgents;
    this.#recorded.set(volume, {
      v: 1,
      service: volume.service,
      role: volume.role,
      strategy: this.strategy.type,
      pin: pinned ? { agent: grant.agent, at, why: "first run" } : null,
      initialised: { volumeId, epoch: grant.epoch, agent: grant.agent, at },
      restore: null,
      lossReceipts: [],
    });
  }

  measure(name: string, startMs: number): number {
    const ms = Math.round(monotonicMs() - startMs);
    this.measured[name] = Math.max(ms, this.measured[name] ?? 0);
    return ms;
  }

  fact(sentence: string): void {
    this.facts.push(sentence);
  }

  /** Runs at the end of the case, newest first. */
  onEnd(undo: () => Promise<void>): void {
    this.#undo.push(undo);
  }

  /** Ends everything that the case began, in the order in which an operator would; tells what could not be. */
  async end(): Promise<string[]> {
    const problems: string[] = [];
    const attempt = async (what: string, act: () => Promise<unknown>) => {
      try {
        await act();
      } catch (error) {
        problems.push(`${what}: ${error instanceof Error ? error.message : String(error)}`);
      }
    };
    for (const undo of this.#undo.reverse()) await attempt("undo", undo);
    for (const agent of this.world.agents) await attempt(`heal ${agent.id}`, () => agent.heal());
    const living = this.#halves.filter((half) => !half.over());
    const ended = await Promise.all(living.map((half) => half.kill()));
    for (const end of ended) if (end.kind === "stuck") problems.push(`left in the kernel: ${end.processes.join(", ")}`);
    for (const volume of this.#volumes) {
      for (const { id } of this.world.agents) {
        await attempt(`detach ${id}`, () => this.strategy.detach(this.op().op, volume, id));
        if (this.capabilities(volume).fences) {
          await attempt(`unfence ${id}`, () => this.strategy.unfence(this.op().op, volume, id));
        }
      }
    }
    for (const controller of this.#controllers) controller.abort(new Broken("the case is over"));
    return problems;
  }

  /** Aborts at the end of the case. */
  #signal(): AbortSignal {
    const controller = new AbortController();
    this.#controllers.push(controller);
    return controller.signal;
  }
}

/** What it takes to start a process and to hear of it. */
const CUT_SLACK_MS = 1_000;

/** A run's data: what the suite needs to go on with it. */
export interface Started {
  readonly half: NodeHalf;
  readonly volume: Volume;
  readonly grant: Grant;
  readonly context: AttachContext;
  readonly agent: StorageAgent;
  /** Where the application's data is. */
  readonly data: string;
}

export function formerOf({ agent, grant }: Started): FormerHolder {
  return { agent: agent.id, epoch: grant.epoch, bootId: null };
}
