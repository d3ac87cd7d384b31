import * as z from "zod";
import { withoutNulls } from "../nulls.js";
import type { Frame } from "./sse.js";

const optional = z.string().optional();

/**
 * An event: a hint to look again, and no proof of anything. There is no order, no replay, and `deployment_success` or
 * `app_terminated_event` do not prove that a process ended. Source: Events.scala, Formats.scala.
 */
export const eventSchema = z.looseObject({
  eventType: z.string(),
  timestamp: optional,
  appId: optional,
  runSpecId: optional,
  instanceId: optional,
  /** In `failed_health_check_event` this holds an instance id. */
  taskId: optional,
  taskStatus: optional,
  condition: optional,
  message: optional,
  host: optional,
  slaveId: optional,
  version: optional,
  /** Of the deployment, in `deployment_success` and `deployment_failed`. */
  id: optional,
  groupId: optional,
  reason: optional,
});
export type MarathonEvent = z.output<typeof eventSchema>;

/** `unreadable`: it had this type, and a body that cannot be read. Then anything may have changed. */
export type ReceivedEvent =
  | { readonly kind: "event"; readonly event: MarathonEvent }
  | { readonly kind: "unreadable"; readonly eventType: string };

export function readEvent(frame: Frame): ReceivedEvent {
  let json: unknown;
  try {
    json = JSON.parse(frame.data);
  } catch {
    return { kind: "unreadable", eventType: frame.event };
  }
  const result = eventSchema.safeParse(withoutNulls(json));
  return result.success ? { kind: "event", event: result.data } : { kind: "unreadable", eventType: frame.event };
}

const planSchema = z.looseObject({
  plan: z.looseObject({
    steps: z.array(
      // Old versions put the action into the step itself.
      z.union([
        z.looseObject({ actions: z.array(z.looseObject({ app: optional })) }),
        z.looseObject({ app: optional }),
      ]),
    ),
  }),
});

/** Events that say nothing about apps. */
const WITHOUT_APPS: readonly string[] = ["event_stream_attached", "event_stream_detached", "framework_message_event"];

/** The apps that an event may be about; null: it may be any, read all. Pure. */
export function affectedApps(received: ReceivedEvent): readonly string[] | null {
  if (received.kind === "unreadable") return null;
  const { event } = received;
  if (WITHOUT_APPS.includes(event.eventType)) return [];
  const named = [event.appId, event.runSpecId].filter((id) => id !== undefined);
  const plan = planSchema.safeParse(event);
  const planned = plan.success
    ? plan.data.plan.steps.flatMap((step) =>
        "actions" in step && Array.isArray(step.actions) ? step.actions.map(appOf) : [appOf(step)],
      )
    : [];
  const apps = [...new Set([...named, ...planned.filter((id) => id !== undefined)])];
  return apps.length > 0 ? apps : null;
}

function appOf(action: unknown): string | undefined {
  if (typeof action !== "object" || action === null || !("app" in action)) return undefined;
  return typeof action.app === "string" ? action.app : undefined;
}
