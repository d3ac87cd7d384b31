import { randomUUID } from "node:crypto";
import {
  driveRequest,
  markInitialised,
  pinVolume,
  type RecordContext,
  readQuarantine,
  requestStorage,
  type StepEvent,
} from "@holdfast/coordination";
import {
  type AttachContext,
  errorCode,
  type FenceReceipt,
  type FormerHolder,
  type Grant,
  HoldfastError,
  type Logger,
  type Op,
  timeBudget,
  type VolumeEvidence,
} from "@holdfast/core";
import { bounded, systemClock } from "@holdfast/effects";
import type { GuardToStorage, StorageToGuard } from "@holdfast/supervisor";
import { openStore } from "../store-url.js";
import { fenceClaimHolder } from "./claim-fence.js";
import { loadVolumes, readSpec, specOp } from "./load.js";
import { mountVolume, type NodeVolume, unmountVolume } from "./node-half.js";
import type { StorageSpec } from "./spec.js";

type Message<T extends GuardToStorage["type"]> = Extract<GuardToStorage, { type: T }>;
type Send = (message: StorageToGuard) => void;

const BACK_OUT_MS = 10_000;

/**
 * The storage process: brings a run's volumes up under its grant, keeps them, and takes them down again. It decides
 * nothing about the application and holds no deadline: the guard and the kernel do, and this process dies at it.
 */
export class StorageServer {
  readonly #spec: StorageSpec;
  readonly #send: Send;
  readonly #active = new AbortController();
  readonly #op: Op;
  #volumes: Promise<readonly NodeVolume[]>;
  #records: Promise<RecordContext> | undefined;
  #grant: Grant | undefined;

  constructor(directory: string, send: Send) {
    this.#spec = readSpec(directory);
    this.#send = send;
    const logger: Logger = {
      log(level, message) {
        if (level !== "debug") send({ type: "log", level, message });
      },
    };
    const onProgress = (done: number, total: number | null, what: string) =>
      send({ type: "progress", done, total, what });
    this.#op = specOp(this.#spec, { directory, signal: this.#active.signal, logger, onProgress });
    this.#volumes = loadVolumes(this.#spec);
    // Reported by whatever waits for it.
    this.#volumes.catch(() => undefined);
  }

  async handle(message: GuardToStorage): Promise<void> {
    switch (message.type) {
      case "up":
        return this.#up(message);
      case "fence-claim":
        return this.#fenceClaim(message);
      case "down":
        return this.#down();
    }
  }

  async #up(message: Message<"up">): Promise<void> {
    try {
      this.#send({ type: "up", fenced: await this.#bringUp(message) });
    } catch (error) {
      // A volume that stayed attached could not be repaired, nor attached elsewhere.
      if (errorCode(error) !== "STALE_EPOCH") await this.#backOut();
      const hint = error instanceof HoldfastError ? error.hint : "This is a defect in Holdfast; please report it.";
      const text = error instanceof Error ? error.message : String(error);
      this.#send({ type: "failed", code: errorCode(error) ?? "INTERNAL", message: text, hint });
    }
  }

  async #bringUp({ grant: given, former }: Message<"up">): Promise<string | null> {
    const { run, epoch, agent } = given;
    const { service } = this.#spec;
    const grant: Grant = { service, run, agent, epoch: BigInt(epoch), signal: this.#active.signal };
    this.#grant = grant;
    const volumes = await this.#volumes;
    const records = await this.#openRecords();
    const holders = former.map((holder) => ({ ...holder, epoch: BigInt(holder.epoch) }));
    const attached = await this.#attach(records, volumes, grant, holders);
    for (const volume of volumes) {
      const evidence = await mountVolume(this.#op, volume, {
        grant,
        context: attached.contexts[volume.volume.role] ?? {},
        format: this.#spec.format,
        initialise: this.#spec.initialise,
        onStep: (name, role, state, tookMs) => this.#send({ type: "step", name, role, state, tookMs }),
      });
      if (!this.#spec.initialise) await this.#record(records, volume, grant, evidence);
    }
    const fenced = attached.receipts.map(({ fencedEpoch }) => fencedEpoch).sort((a, b) => (a < b ? 1 : -1))[0];
    return fenced?.toString() ?? null;
  }

  async #attach(
    records: RecordContext,
    volumes: readonly NodeVolume[],
    grant: Grant,
    former: readonly FormerHolder[],
  ): Promise<{ contexts: Readonly<Record<string, AttachContext>>; receipts: readonly FenceReceipt[] }> {
    const { attachTimeoutMs: limitMs, controllerSide } = this.#spec;
    const cleaned = await this.#cleanUp(records, volumes, grant);
    if (controllerSide === "controller") {
      return requestStorage(records, {
        grant,
        former,
        cleaned,
        limitMs,
        onProgress: ({ steps }) => {
          const last = steps.at(-1);
          if (last === undefined || last.state === "failed") return;
          this.#send({
            type: "step",
            name: last.verb,
            role: last.role,
            state: last.state,
            tookMs: last.tookMs ?? null,
          });
        },
      });
    }
    return driveRequest(records, {
      ...{ volumes, grant, former, cleaned, limitMs, op: this.#op },
      by: `run ${grant.run} (${randomUUID().slice(0, 8)})`,
      onStep: (event) => this.#onStep(event),
      onWait: (role, why, code) =>
        this.#send({ type: "log", level: "warn", message: `waiting for the ${role} volume: ${why} (${code})` }),
    });
  }

  #onStep({ verb, role, state, tookMs }: StepEvent): void {
    if (state !== "failed") this.#send({ type: "step", name: verb, role, state, tookMs: tookMs ?? null });
  }

  /** After an earlier run of this service was fenced here, what it left must be known gone before anything starts. */
  async #cleanUp(records: RecordContext, volumes: readonly NodeVolume[], grant: Grant): Promise<string | null> {
    const quarantine = await readQuarantine(records, grant.service, grant.agent, grant.signal);
    if (quarantine === undefined) return null;
    const evidence: string[] = [];
    for (const { strategy, volume } of volumes) {
      const result = await strategy.cut(this.#op, volume);
      if (result.kind === "incomplete") {
        throw new HoldfastError(
          "BUSY",
          `${grant.agent} is in quarantine and cannot be cleaned up: ${result.needsFence}.`,
          {
            hint: "Restart that machine, or look at it and confirm with `holdfast lock unquarantine`.",
            retryable: true,
          },
        );
      }
      evidence.push(result.evidence);
    }
    return evidence.join("; ");
  }

  /** From now on an empty directory in its place is a loss and never a beginning. */
  async #record(records: RecordContext, { strategy, volume }: NodeVolume, grant: Grant, evidence: VolumeEvidence) {
    if (evidence.mark === null) return;
    const { volumeId } = evidence.mark;
    if (!strategy.capabilities(volume).movesBetweenAgents) {
      await pinVolume(
        records,
        volume,
        strategy.type,
        { agent: grant.agent, why: "its first run verified the volume here" },
        grant.signal,
      );
    }
    await markInitialised(
      records,
      volume,
      strategy.type,
      { volumeId, epoch: grant.epoch, agent: grant.agent },
      grant.signal,
    );
  }

  async #fenceClaim({ agent, epoch }: Message<"fence-claim">): Promise<void> {
    const grant = this.#grant;
    if (grant === undefined) return;
    try {
      const [volume] = await this.#volumes;
      if (volume === undefined) return;
      const former: FormerHolder = { agent, epoch: BigInt(epoch), bootId: null };
      await fenceClaimHolder(await this.#openRecords(), this.#op, volume, former, grant);
      this.#send({ type: "claim-fenced", epoch });
    } catch (error) {
      this.#send({ type: "claim-unfenceable", message: error instanceof Error ? error.message : String(error) });
    }
  }

  /** As far as it goes in a moment; the end of the tree does the rest. */
  async #backOut(): Promise<void> {
    const hint = "The volume may still be attached here; the next run, or a fence, ends that.";
    try {
      const limit = {
        timeoutMs: BACK_OUT_MS,
        code: "VOLUME_HUNG",
        what: "Taking the volumes down again",
        hint,
      } as const;
      const problems = await bounded(this.#takeDown(), limit);
      for (const message of problems) this.#send({ type: "log", level: "warn", message });
    } catch (error) {
      this.#send({ type: "log", level: "warn", message: error instanceof Error ? error.message : String(error) });
    }
  }

  async #down(): Promise<void> {
    const problems = await this.#takeDown();
    this.#send({ type: "down", clean: problems.length === 0, why: problems.join("; ") || "unmounted" });
  }

  /** Unmounts and detaches what is there; resolves to what could not be. */
  async #takeDown(): Promise<readonly string[]> {
    const problems: string[] = [];
    for (const volume of [...(await this.#volumes)].reverse()) {
      try {
        await unmountVolume(this.#op, volume);
      } catch (error) {
        problems.push(`${volume.volume.mountPath}: ${error instanceof Error ? error.message : String(error)}`);
      }
    }
    if (problems.length === 0) await this.#detach();
    return problems;
  }

  /** Cooperative; what fails here a successor finds attached to a run that has released. */
  async #detach(): Promise<void> {
    if (this.#spec.controllerSide === "controller") return;
    for (const { strategy, volume } of await this.#volumes) {
      try {
        await strategy.detach(this.#op, volume, this.#spec.agent);
      } catch (error) {
        const message = `${volume.mountPath} could not be detached: ${error instanceof Error ? error.message : String(error)}`;
        this.#send({ type: "log", level: "warn", message });
      }
    }
  }

  #openRecords(): Promise<RecordContext> {
    this.#records ??= this.#open();
    return this.#records;
  }

  async #open(): Promise<RecordContext> {
    const { store: url, credentials, leaseMs } = this.#spec;
    const { silenceMs } = timeBudget({ leaseMs, renewMs: 0, stopBudgetMs: 0, marginMs: 0, guardMs: 0 });
    const store = await openStore({
      mayCreate: true,
      ...{ url, credentials, silenceMs, sessionTimeoutMs: leaseMs },
      timeoutMs: Math.max(5_000, silenceMs * 2),
      retryUntil: this.#active.signal,
    });
    return { store, clock: systemClock };
  }
}
