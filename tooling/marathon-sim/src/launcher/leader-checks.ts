import { request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import { connect } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { type HealthCheck, type ReadinessCheck, runsOnAgent } from "../core/app-schema.js";
import { leaderHealth, readinessResult } from "../core/health.js";
import { definitionOf } from "../core/instances.js";
import type { Instance, ReadinessResponse } from "../core/model.js";
import { instanceIdOf } from "../core/status.js";
import type { Driver } from "../driver.js";

export interface LeaderChecksOptions {
  readonly driver: Driver;
  /** Where the leader finds an agent's ports. */
  readonly addressOf: (agentId: string) => string;
}

type Probe = { readonly ok: boolean; readonly cause: string; readonly response: ReadinessResponse | null };

const UNREACHABLE: Probe = { ok: false, cause: "ConnectionAttemptFailedException: connect timed out", response: null };

/**
 * The checks that the Marathon leader makes itself over the network: HTTP, HTTPS and TCP health checks, which are
 * deprecated, and readiness checks (facts 9). An agent whose link is down is not reached.
 */
export class LeaderChecks {
  readonly #options: LeaderChecksOptions;
  readonly #tasks = new Map<string, AbortController>();
  readonly #stopListening: () => void;

  constructor(options: LeaderChecksOptions) {
    this.#options = options;
    this.#stopListening = options.driver.listen(({ eventType, taskId, taskStatus }) => {
      if (eventType !== "status_update_event" || typeof taskId !== "string") return;
      if (taskStatus === "TASK_RUNNING") this.#begin(taskId);
    });
  }

  /** A new leader knows of no result and begins anew with everything that runs (facts 12). */
  restart(): void {
    for (const stop of this.#tasks.values()) stop.abort();
    this.#tasks.clear();
    for (const { taskId, condition } of this.#options.driver.sim.instances.values())
      if (condition === "Running" && taskId !== null) this.#begin(taskId);
  }

  #begin(taskId: string): void {
    if (this.#tasks.has(taskId)) return;
    const { sim } = this.#options.driver;
    const instance = sim.instances.get(instanceIdOf(taskId));
    const app = instance === undefined ? undefined : definitionOf(sim, instance);
    if (instance === undefined || app === undefined) return;
    if (app.readinessChecks.length === 0 && app.healthChecks.every(runsOnAgent)) return;
    const stop = new AbortController();
    this.#tasks.set(taskId, stop);
    const { appSecondMs } = sim.flags;
    for (const [index, check] of app.healthChecks.entries()) {
      if (runsOnAgent(check)) continue;
      void this.#repeat(taskId, check.intervalSeconds * appSecondMs, stop.signal, async () => {
        const probe = await this.#probeHealth(instance, check);
        const result = { healthy: probe.ok, cause: probe.cause };
        this.#options.driver.apply((state) => leaderHealth(state, instance, index, result));
        return true;
      });
    }
    for (const check of app.readinessChecks)
      void this.#repeat(taskId, check.intervalSeconds * appSecondMs, stop.signal, async () => {
        const probe = await this.#probeReadiness(instance, check);
        this.#options.driver.apply((state) => readinessResult(state, instance, check.name, probe.ok, probe.response));
        return !probe.ok;
      });
  }

  /** Until the task is another one, or the work says that it is done. */
  async #repeat(taskId: string, everyMs: number, signal: AbortSignal, work: () => Promise<boolean>): Promise<void> {
    const { sim } = this.#options.driver;
    const isCurrent = () => sim.instances.get(instanceIdOf(taskId))?.taskId === taskId;
    while (!signal.aborted && isCurrent()) {
      const goesOn = await work();
      if (!goesOn) return;
      await pause(Math.max(1, everyMs), undefined, { signal, ref: false }).catch((error: unknown) => {
        if (!signal.aborted) throw error;
      });
    }
    if (!signal.aborted) this.#tasks.delete(taskId);
  }

  #reaches(instance: Instance): string | undefined {
    const agent = this.#options.driver.sim.agents.get(instance.agent?.id ?? "");
    return agent === undefined || agent.link === "down" ? undefined : this.#options.addressOf(agent.id);
  }

  #probeHealth(instance: Instance, check: HealthCheck): Promise<Probe> {
    const address = this.#reaches(instance);
    const port = check.port ?? instance.ports[check.portIndex ?? 0] ?? 0;
    if (address === undefined) return Promise.resolve(UNREACHABLE);
    const limitMs = check.timeoutSeconds * 1_000;
    if (check.protocol === "TCP") return probeTcp(address, port, limitMs);
    const isOk = (status: number) => status >= 200 && status < 400;
    return probeHttp({ address, port, path: check.path ?? "/", secure: check.protocol === "HTTPS", limitMs, isOk });
  }

  #probeReadiness(instance: Instance, check: ReadinessCheck): Promise<Probe> {
    const address = this.#reaches(instance);
    const app = definitionOf(this.#options.driver.sim, instance);
    const declared = app?.portDefinitions ?? app?.container?.portMappings ?? [];
    const port = instance.ports[declared.findIndex(({ name }) => name === check.portName)];
    if (address === undefined || port === undefined) return Promise.resolve(UNREACHABLE);
    const ready = new Set(check.httpStatusCodesForReady);
    return probeHttp({
      ...{ address, port, path: check.path, secure: check.protocol === "HTTPS" },
      ...{ limitMs: check.timeoutSeconds * 1_000, isOk: (status: number) => ready.has(status) },
    });
  }

  close(): void {
    this.#stopListening();
    for (const stop of this.#tasks.values()) stop.abort();
  }
}

function probeTcp(host: string, port: number, limitMs: number): Promise<Probe> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: limitMs });
    const end = (probe: Probe) => {
      socket.destroy();
      resolve(probe);
    };
    socket.once("connect", () => end({ ok: true, cause: "", response: null }));
    socket.once("timeout", () => end(UNREACHABLE));
    socket.once("error", (error) => end({ ok: false, cause: error.message, response: null }));
  });
}

interface HttpProbe {
  readonly address: string;
  readonly port: number;
  readonly path: string;
  readonly secure: boolean;
  readonly limitMs: number;
  readonly isOk: (status: number) => boolean;
}

function probeHttp({ address: host, port, path, secure, limitMs, isOk }: HttpProbe): Promise<Probe> {
  return new Promise((resolve) => {
    const send = secure ? httpsRequest : httpRequest;
    const outgoing = send(
      { host, port, path, timeout: limitMs, rejectUnauthorized: false, agent: false },
      (incoming) => {
        const { statusCode: status = 0, headers } = incoming;
        let body = "";
        incoming.setEncoding("utf8");
        incoming.on("data", (chunk: string) => {
          body += chunk;
        });
        incoming.on("close", () => {
          const response = { status, contentType: headers["content-type"] ?? "", body };
          resolve({ ok: isOk(status), cause: `${status} ${incoming.statusMessage ?? ""}`.trim(), response });
        });
      },
    );
    outgoing.once("timeout", () => outgoing.destroy(new Error("timed out")));
    outgoing.once("error", (error) => resolve({ ok: false, cause: error.message, response: null }));
    outgoing.end();
  });
}
