import { HoldfastError, type Op } from "@holdfast/core";
import type { Deployment } from "@holdfast/marathon";

export interface DeploymentSlotsOptions {
  /** Deployments of ours that may be in flight at once. Marathon refuses everybody's from 100 on. */
  readonly limit: number;
  /** Longest wait for a free slot, milliseconds. */
  readonly waitMs: number;
  /** Between two looks at Marathon while none is free, milliseconds. */
  readonly pollMs: number;
  list(op: Op): Promise<readonly Deployment[]>;
  isOurs(appId: string): boolean;
}

/** Permission to start one deployment. Ended by `accepted`, or by `release` when none was started. */
export interface DeploymentSlot {
  /** The slot stays taken until Marathon no longer lists these. */
  accepted(deploymentIds: readonly string[]): void;
  release(): void;
}

/**
 * Bounds the deployments in flight: those that Marathon lists for apps of ours, started here or by a predecessor of this
 * process, and those that are being sent. Marathon is asked only where the count could have reached the limit.
 */
export class DeploymentSlots {
  readonly #options: DeploymentSlotsOptions;
  /** Deployment → number of the look after which it counts: a list that was begun earlier may not know it yet. */
  readonly #inFlight = new Map<string, number>();
  #sending = 0;
  #looks = 0;
  #known = false;
  #look: Promise<void> | undefined;

  constructor(options: DeploymentSlotsOptions) {
    this.#options = options;
  }

  /** @throws `BUSY` {deployments}: none became free within `waitMs`; nothing was sent. */
  async take(op: Op): Promise<DeploymentSlot> {
    const { limit, waitMs, pollMs } = this.#options;
    const endsAtMs = op.clock.now().monoMs + waitMs;
    // What a predecessor started counts, too.
    if (!this.#known) await this.#lookOnce(op);
    while (this.#sending + this.#inFlight.size >= limit) {
      await this.#lookOnce(op);
      if (this.#sending + this.#inFlight.size < limit) break;
      if (op.clock.now().monoMs >= endsAtMs) throw this.#full();
      await op.clock.sleep(pollMs, op.signal);
    }
    return this.takeAtOnce();
  }

  /** Without waiting: for a deployment that takes the place of one that it cancels, which may be why none is free. */
  takeAtOnce(): DeploymentSlot {
    this.#sending += 1;
    let open = true;
    const end = () => {
      if (open) this.#sending -= 1;
      open = false;
    };
    return {
      accepted: (ids) => {
        for (const id of ids) this.#inFlight.set(id, this.#looks);
        end();
      },
      release: end,
    };
  }

  /** One look serves all who wait. One that failed was another caller's, who may have been aborted: then an own one. */
  async #lookOnce(op: Op): Promise<void> {
    if (this.#look !== undefined) {
      const [outcome] = await Promise.allSettled([this.#look]);
      op.signal.throwIfAborted();
      if (outcome?.status === "fulfilled") return;
    }
    const look = this.#refresh(op);
    this.#look = look;
    try {
      await look;
    } finally {
      if (this.#look === look) this.#look = undefined;
    }
  }

  async #refresh(op: Op): Promise<void> {
    this.#looks += 1;
    const number = this.#looks;
    const listed = await this.#options.list(op);
    const ours = listed.filter(({ affectedApps }) => affectedApps.some((app) => this.#options.isOurs(app)));
    const ids = new Set(ours.map(({ id }) => id));
    for (const [id, since] of this.#inFlight) if (since < number && !ids.has(id)) this.#inFlight.delete(id);
    for (const id of ids) if (!this.#inFlight.has(id)) this.#inFlight.set(id, number - 1);
    this.#known = true;
  }

  #full(): HoldfastError {
    const deployments = [...this.#inFlight.keys()];
    return new HoldfastError(
      "BUSY",
      `${deployments.length + this.#sending} deployments are in flight; none ended in time.`,
      {
        hint: "Deployments have no time limit: see which do not end, and why (`explain`); then apply again.",
        retryable: true,
        detail: { deployments: deployments.slice(0, 10) },
      },
    );
  }
}
