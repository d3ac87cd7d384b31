import { HoldfastError } from "@holdfast/core";
import { systemClock } from "@holdfast/effects";
import { askedSchema, type Explained, explainSchema, handOverPlanSchema } from "./answers.js";
import type { ControllerClient } from "./client.js";

export interface AskedHandOver {
  readonly kind: "switchover" | "failover";
  readonly service: string;
  readonly to: string | null;
  readonly reason: string;
  readonly now: boolean;
  readonly confirm: boolean;
}

const POLL_MS = 1_000;
const LIMIT_MS = 30 * 60_000;

export async function planByController(client: ControllerClient, wanted: AskedHandOver) {
  return client.post(pathOf(wanted), { ...bodyOf(wanted), dryRun: true }, handOverPlanSchema);
}

/**
 * Asks the controller for a handover and follows it.
 * @throws what it was refused with, or failed with; `WAIT_LIMIT` when it is still under way.
 */
export async function handOverByController(
  client: ControllerClient,
  wanted: AskedHandOver,
  onNews: (line: string) => void,
): Promise<Explained["past"][number]> {
  const asked = await client.post(pathOf(wanted), bodyOf(wanted), askedSchema);
  for (const warning of asked.warnings) onNews(warning);
  const untilMs = systemClock.now().monoMs + LIMIT_MS;
  let told = "";
  while (systemClock.now().monoMs < untilMs) {
    const { past, operation, pause } = await client.get(`/v1/services/${wanted.service}/explain`, explainSchema);
    const ended = past.find(({ id }) => id === asked.operation);
    if (ended?.failure !== undefined) throw failed(wanted, ended);
    if (ended !== undefined) return ended;
    const step = operation?.id === asked.operation ? operation.steps.at(-1) : undefined;
    const news =
      pause !== null
        ? `paused by ${pause.owner} until ${pause.until}`
        : `${step?.verb ?? "asked"}: ${step?.state ?? "waiting for the leader"}`;
    if (news !== told) onNews(news);
    told = news;
    await systemClock.sleep(POLL_MS);
  }
  throw new HoldfastError("WAIT_LIMIT", `The ${wanted.kind} is still under way.`, {
    hint: `It goes on by itself; see holdfast explain ${wanted.service}.`,
    retryable: true,
  });
}

function pathOf({ service, kind }: AskedHandOver): string {
  return `/v1/services/${service}/${kind}`;
}

function bodyOf({ kind, to, reason, now, confirm }: AskedHandOver) {
  return { to, reason, ...(kind === "failover" ? { now, confirm } : {}) };
}

function failed({ kind }: AskedHandOver, { failure }: Explained["past"][number]): HoldfastError {
  const { code = "INTERNAL", message = "", hint = "" } = failure ?? {};
  return new HoldfastError("BUSY", `The ${kind} failed, ${code}: ${message}`, { hint, detail: { code } });
}
