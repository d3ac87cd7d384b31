import type { Op, OrchestratorEvent } from "@holdfast/core";
import { affectedApps, type EventItem, type MarathonEvent, type ReceivedEvent } from "@holdfast/marathon";
import { serviceOf } from "../app-id.js";

/** Fields that are passed on. An `api_post_event` has the whole definition with its environment; that stays here. */
const PASSED_ON = [
  "eventType",
  "taskId",
  "instanceId",
  "taskStatus",
  "condition",
  "host",
  "slaveId",
  "id",
  "reason",
] as const;

/** Pure: what an event of Marathon says to somebody who looks after services; none where it concerns no service. */
export function eventsOf(received: ReceivedEvent, group: string | undefined): readonly OrchestratorEvent[] {
  const apps = affectedApps(received);
  if (apps === null) {
    const eventType = received.kind === "event" ? received.event.eventType : received.eventType;
    return [{ kind: "resync", service: null, detail: { why: "an event that may concern any app", eventType } }];
  }
  if (received.kind === "unreadable") return [];
  const { event } = received;
  const kind =
    event.eventType.startsWith("deployment_") || event.eventType.startsWith("group_") ? "deployment" : "task";
  const detail = detailOf(event);
  return apps.flatMap((app) => {
    const service = serviceOf(app, group);
    return service === null ? [] : [{ kind, service, detail }];
  });
}

function detailOf(event: MarathonEvent): Readonly<Record<string, unknown>> {
  return Object.fromEntries(PASSED_ON.flatMap((name) => (event[name] === undefined ? [] : [[name, event[name]]])));
}

/** Turns the client's stream into events of services. */
export async function* orchestratorEvents(
  op: Op,
  stream: AsyncIterable<EventItem>,
  group: string | undefined,
): AsyncIterable<OrchestratorEvent> {
  try {
    for await (const item of stream) {
      switch (item.kind) {
        case "resync":
          yield { kind: "resync", service: null, detail: { why: item.why } };
          break;
        case "record":
          yield* eventsOf(item.value, group);
          break;
        case "down":
          // The next connection begins with a resync, so that nothing is missed; until then nothing is heard.
          op.logger.log("warn", "Marathon's events are not heard", {
            why: messageOf(item.error),
            retryInMs: item.retryInMs,
          });
          break;
        default:
          item satisfies never;
      }
    }
  } catch (error) {
    // The stream ends by throwing the signal's reason; ours ends quietly.
    if (!op.signal.aborted) throw error;
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
