import { HoldfastError } from "@holdfast/core";
import type { ContractCheck } from "./contract/check.js";
import { changeLeader } from "./core/tick.js";
import type { Driver } from "./driver.js";
import type { Credentials } from "./http/auth.js";
import { EventStreams } from "./http/events.js";
import { HttpFaults } from "./http/faults.js";
import { Member } from "./http/member.js";

export interface GroupOptions {
  readonly driver: Driver;
  readonly members: number;
  readonly host: string;
  /** Of the first member; 0 = any free one for each. */
  readonly port: number;
  readonly credentials: Credentials | null;
  readonly contract: ContractCheck | null;
  readonly leaderWaitMs: number;
  readonly readTimeoutMs: number;
  /** Called when another member leads, after its state was reset. */
  readonly onLeaderChange: () => void;
}

/** The Marathon processes of one cluster. They share their state, as real ones do over ZooKeeper; one leads. */
export class Group {
  readonly faults = new HttpFaults();
  readonly streams: EventStreams;
  readonly #members: Member[] = [];
  readonly #driver: Driver;
  readonly #onLeaderChange: () => void;
  #leader: number | null = 0;

  private constructor({ driver, onLeaderChange }: GroupOptions) {
    this.#driver = driver;
    this.#onLeaderChange = onLeaderChange;
    this.streams = new EventStreams(driver, this.faults);
  }

  static async start(options: GroupOptions): Promise<Group> {
    const { driver, members, host, port, credentials, contract, leaderWaitMs, readTimeoutMs } = options;
    const group = new Group(options);
    for (let index = 0; index < members; index += 1) {
      const member = new Member({
        ...{ driver, credentials, contract, leaderWaitMs, readTimeoutMs },
        faults: group.faults,
        streams: group.streams,
        leader: () => (group.#leader === null ? null : (group.#members[group.#leader]?.address ?? null)),
        abdicate: () => group.#elect(),
      });
      group.#members.push(member);
      await member.listen(host, port === 0 ? 0 : port + index);
    }
    return group;
  }

  /** Base URL of each member. */
  get urls(): string[] {
    return this.#members.map(({ address }) => `http://${address}`);
  }

  /** Index of the leading member; null = none leads. */
  get leader(): number | null {
    return this.#leader;
  }

  /** What was in memory only is lost, streams close, unfinished deployments go on (facts 12). */
  changeLeader(to: number | null): void {
    if (to !== null && this.#members[to] === undefined)
      throw new HoldfastError("NOT_FOUND", `There is no member ${to}.`, {
        hint: `Members are 0 to ${this.#members.length - 1}.`,
      });
    this.#leader = to;
    this.streams.closeAll();
    this.#driver.apply(changeLeader);
    this.#onLeaderChange();
  }

  /** `DELETE /v2/leader`: the next member leads; one alone restarts and leads again. After its answer was sent. */
  #elect(): void {
    setImmediate(() => this.changeLeader(((this.#leader ?? 0) + 1) % this.#members.length));
  }

  async close(): Promise<void> {
    this.streams.closeAll();
    for (const member of this.#members) await member.close();
  }
}
