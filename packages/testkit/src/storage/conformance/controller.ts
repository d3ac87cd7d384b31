import {
  type AgentId,
  type AttachContext,
  type FenceReceipt,
  type FormerHolder,
  fenceReceiptSchema,
  type Grant,
  type ObservedVolume,
  type StorageStep,
  type Volume,
} from "@holdfast/core";
import { demand, isCrash, show } from "./expect.js";
import type { CrashPoint } from "./runner/protocol.js";
import type { Scene } from "./scene.js";

const CONTEXT_BYTES_MAX = 8 * 1024;

/** The controller half, as a process with the credentials calls it. Each call has an `op` of its own. */
export class Controller {
  readonly #scene: Scene;
  readonly #volume: Volume;

  constructor(scene: Scene, volume: Volume) {
    this.#scene = scene;
    this.#volume = volume;
  }

  async observe(): Promise<ObservedVolume> {
    const observed = await this.#scene.strategy.observe(this.#scene.op().op, this.#volume);
    demand(observed.recorded === null, "observe filled in `recorded`, which is core's");
    return { ...observed, recorded: this.#scene.recorded(this.#volume) };
  }

  /** The context as it arrives at the node half: through JSON. */
  async attach(agent: AgentId, grant: Grant): Promise<AttachContext> {
    const context = await this.#scene.strategy.attach(this.#scene.op().op, this.#volume, agent, grant);
    const text = JSON.stringify(context);
    demand(text.length <= CONTEXT_BYTES_MAX, `attach's context has ${text.length} bytes`);
    return JSON.parse(text) as AttachContext;
  }

  async detach(agent: AgentId): Promise<void> {
    await this.#scene.strategy.detach(this.#scene.op().op, this.#volume, agent);
  }

  async fence(former: FormerHolder, grant: Grant): Promise<FenceReceipt> {
    const receipt = await this.#scene.strategy.fence(this.#scene.op().op, this.#volume, former, grant);
    const parsed = fenceReceiptSchema.safeEncode(receipt);
    demand(parsed.success, `the receipt cannot be recorded: ${show(receipt)}`);
    return receipt;
  }

  async unfence(agent: AgentId): Promise<void> {
    await this.#scene.strategy.unfence(this.#scene.op().op, this.#volume, agent);
  }

  /** Observes, plans, and applies the plan, as core does for a run that has won `grant`. */
  async take(grant: Grant, former: readonly FormerHolder[] = []): Promise<AttachContext> {
    for (const step of await this.planned(grant, former)) await this.#apply(step, grant);
    return this.attach(grant.agent, grant);
  }

  /** What is still to be done, by what can be observed now. */
  async planned(grant: Grant, former: readonly FormerHolder[] = []): Promise<readonly StorageStep[]> {
    const target = { agent: grant.agent, epoch: grant.epoch, former };
    const plan = this.#scene.strategy.plan(this.#volume, await this.observe(), target);
    demand(plan.kind === "steps", `the plan is to wait: ${plan.kind === "wait" ? plan.why : ""}`);
    return plan.steps;
  }

  async #apply(step: StorageStep, grant: Grant): Promise<unknown> {
    switch (step.verb) {
      case "fence":
        return this.fence(step.former, grant);
      case "unfence":
        return this.unfence(step.agent);
      case "detach":
        return this.detach(step.agent);
      case "attach":
        return this.attach(step.agent, grant);
      default:
        return step satisfies never;
    }
  }

  /** A call that ends at a crash point; tells whether it came that far. */
  async crash(
    crash: CrashPoint,
    call: (op: ReturnType<Scene["op"]>["op"]) => Promise<unknown>,
  ): Promise<{ readonly crashed: boolean; readonly effects: readonly string[] }> {
    const counter = this.#scene.op(crash);
    try {
      await call(counter.op);
    } catch (error) {
      // What the strategy makes of the crash is its last thought and nobody's business.
      if (!counter.crashed && !isCrash(error)) throw error;
    }
    return { crashed: counter.crashed, effects: counter.effects };
  }
}
