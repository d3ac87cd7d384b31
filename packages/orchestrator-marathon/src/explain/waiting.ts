import type { App } from "@holdfast/marathon";
import type { MarathonService } from "../observe/observation.js";

/** Pure: what the launch queue says, for people. */
export function waitingText({ queued, app }: MarathonService): string {
  if (queued === null) return "Nothing of it waits to be started.";
  const { delay, processedOffersSummary: offers } = queued;
  if (!delay.overdue && delay.timeLeftSeconds > 0) {
    return `Marathon tries again in ${delay.timeLeftSeconds} s, because it failed before.`;
  }
  const reasons = (offers?.rejectSummaryLastOffers ?? []).filter(({ declined }) => declined > 0);
  if (reasons.length === 0) {
    const since = queued.since === undefined ? "" : ` since ${queued.since}`;
    return `It waits for an offer${since}; none was declined, so perhaps none came.`;
  }
  const text = reasons.map(({ reason, declined, processed }) => `${reason} (${declined} of ${processed})`).join(", ");
  return `It waits for an offer that fits; declined for ${text}.${portsHint(reasons, app)}`;
}

/** For offers that lack a port, the reason hides that nobody will ever offer it. */
function portsHint(reasons: readonly { readonly reason: string }[], app: App | null): string {
  if (app === null || !reasons.some(({ reason }) => reason === "InsufficientPorts")) return "";
  return " The port may be outside of what the agents offer.";
}

/** Pure: why a deployment does not end. */
export function stuckText(view: MarathonService, app: App): string {
  const which = `The deployment ${view.deployments.join(", ")} is under way`;
  if (app.tasksHealthy === 0 && (app.tasksUnhealthy ?? 0) > 0) {
    return `${which}; its only instance is unhealthy, and Marathon waits until that one ends by itself, for ever if it must.`;
  }
  return view.queued === null ? `${which}.` : `${which}. ${waitingText(view)}`;
}
