import { hasChecks, isPinned, isResident } from "../decide/app-traits.js";
import { proofOf, proofOfTask, type RunEvidence } from "../decide/evidence.js";
import { uncertainTasks } from "../decide/gate.js";
import { proofOfStop } from "../decide/stop.js";
import type { MarathonService, MarathonTaskView } from "../observe/observation.js";
import { isListedAlive } from "../observe/task-state.js";
import { consequencesOf } from "./consequences.js";
import { stuckText, waitingText } from "./waiting.js";

/** Every situation of a service on Marathon that is told apart. The first that applies is told. */
export type SituationCode =
  | "absent"
  | "foreign"
  | "unreachable-resident"
  | "unreachable-pinned"
  | "unreachable-replaced"
  | "unreachable-waiting"
  | "too-many"
  | "deploying"
  | "stopping"
  | "stopped"
  | "waiting-for-offers"
  | "delayed"
  | "starting"
  | "unhealthy"
  | "running"
  | "nothing-listed";

export interface Explanation {
  readonly situation: SituationCode;
  readonly says: string;
  /** What an operator does, in the order in which to do it; empty when nothing is to be done. */
  readonly next: readonly string[];
  /** What not to do in Marathon now, and what it would do. */
  readonly never: readonly string[];
}

/** Pure: why a service is as it is on Marathon, and what to do. `evidence`: what the store says, where it was read. */
export function explain(view: MarathonService, evidence: RunEvidence | null): Explanation {
  const { app, appId, service } = view;
  if (app === null) {
    const says = `There is no app ${appId}. That proves nothing of runs that were started before: ${proofText(view, evidence)}.`;
    return {
      situation: "absent",
      says,
      next: ["holdfast apply creates it; a new run waits for the lease."],
      never: [],
    };
  }
  if (view.owner === "foreign") {
    const next = [`Rename the service, or delete ${appId} yourself when it is stopped and nobody needs it.`];
    return {
      situation: "foreign",
      says: `The app ${appId} is not that of ${service}; Holdfast leaves it alone.`,
      next,
      never: [],
    };
  }
  const [lost] = uncertainTasks(view);
  if (lost !== undefined) return explainUnreachable(view, lost, evidence);
  return explainReachable(view, app, evidence);
}

function explainUnreachable(view: MarathonService, lost: MarathonTaskView, evidence: RunEvidence | null): Explanation {
  const app = view.app ?? {};
  const resident = isResident(app);
  const where = `${lost.id} on ${lost.agent} is ${lost.marathonState} since ${lost.since}`;
  const never = consequencesOf({ resident, checks: hasChecks(app) }).map(
    ({ call, does }) => `Do not ${call}: ${does}.`,
  );
  const agentBack = `Bring ${lost.agent} back: then it goes on as if nothing had been, or Marathon starts it there again.`;
  if (resident) {
    return {
      situation: "unreachable-resident",
      says: `${where}, with its persistent volume. Nothing is started elsewhere; the service waits for that agent.`,
      next: [
        agentBack,
        "Within two weeks (registry_max_agent_age): after that Mesos forgets the agent, and Marathon starts on a new, empty volume, which the identity check refuses.",
        "If the machine is lost for good, restore a backup as a new service.",
      ],
      never: [...never, "Do not mark the agent gone: it ends in a new, empty volume."],
    };
  }
  if (isPinned(app)) {
    return {
      situation: "unreachable-pinned",
      says: `${where}. Its data is on that agent and nowhere else; the service waits for it.`,
      next: [agentBack, "If the machine is lost for good, restore a backup elsewhere."],
      never,
    };
  }
  const other = view.tasks.find((task) => isListedAlive(task) && task.state !== "unreachable" && task.id !== lost.id);
  const proof = proofOfTask(view.service, lost, evidence);
  const leaseText = proof.kind === "over" ? `its run is over: ${proof.why}` : `its run may go on: ${proof.why}`;
  if (other !== undefined) {
    return {
      situation: "unreachable-replaced",
      says: `${where}; ${leaseText}. ${other.id} on ${other.agent} ${proof.kind === "over" ? "has taken its place or will" : "waits for the lease"}.`,
      next: proof.kind === "over" ? [] : [`Nothing, or: ${proof.hint}`],
      never: [],
    };
  }
  return {
    situation: "unreachable-waiting",
    says: `${where}; ${leaseText}. ${waitingText(view)}`,
    next:
      proof.kind === "over"
        ? ["`holdfast failover` makes Marathon start the next one now; or wait until it does."]
        : [proof.hint, "Then `holdfast failover` makes Marathon start the next one."],
    never,
  };
}

function explainReachable(
  view: MarathonService,
  app: NonNullable<MarathonService["app"]>,
  evidence: RunEvidence | null,
): Explanation {
  const alive = view.tasks.filter(isListedAlive);
  const wanted = app.labels?.MARATHON_SINGLE_INSTANCE_APP === "true" ? 1 : 2;
  if (app.instances > wanted || alive.length > Math.max(wanted, app.instances)) {
    return {
      situation: "too-many",
      says: `${Math.max(app.instances, alive.length)} instances are asked for or listed, and ${wanted} wanted: somebody scaled it in Marathon, or an agent came back. One has the lease, the others wait.`,
      next: ["holdfast apply sets it right; the youngest are stopped first."],
      never: ["Do not kill tasks by hand: you may hit the one that holds the lease."],
    };
  }
  if (view.deployments.length > 0) {
    return { situation: "deploying", says: stuckText(view, app), next: stuckNext(view, app), never: [] };
  }
  if (view.suspended) return explainStopped(view, alive, evidence);
  if (view.queued !== null && alive.length < app.instances) {
    const delayed = !view.queued.delay.overdue && view.queued.delay.timeLeftSeconds > 0;
    const says = waitingText(view);
    return delayed
      ? { situation: "delayed", says, next: failureNext(app), never: [] }
      : { situation: "waiting-for-offers", says, next: offerNext(app), never: [] };
  }
  const [starting] = alive.filter(({ state }) => state === "staging");
  if (starting !== undefined && alive.length === 1) {
    const next = ["Wait. After five minutes in staging Marathon kills it and tries again (task_launch_timeout)."];
    return {
      situation: "starting",
      says: `${starting.id} is ${starting.marathonState} on ${starting.agent}.`,
      next,
      never: [],
    };
  }
  const [first] = alive;
  if (first === undefined) {
    const next = ["Look again; if it stays so, see the log of Marathon."];
    return {
      situation: "nothing-listed",
      says: `No task is listed and none waits: ${proofText(view, evidence)}.`,
      next,
      never: [],
    };
  }
  if ((app.tasksUnhealthy ?? 0) > 0) {
    const next = [
      "See `holdfast health` and the log of that run; Mesos kills it after the checks that its definition allows.",
    ];
    const never = ["Do not restart it in Marathon: with its only instance unhealthy, the deployment waits for ever."];
    return { situation: "unhealthy", says: `${first.id} on ${first.agent} fails its check.`, next, never };
  }
  const says = `${alive.map(({ id, agent, marathonState }) => `${id} is ${marathonState} on ${agent}`).join("; ")}.`;
  return { situation: "running", says, next: [], never: [] };
}

function explainStopped(
  view: MarathonService,
  alive: readonly MarathonTaskView[],
  evidence: RunEvidence | null,
): Explanation {
  const proof = proofOfStop(view, evidence);
  if (alive.length > 0) {
    const says = `${alive.map(({ id, agent }) => `${id} on ${agent}`).join(", ")} is being stopped.`;
    return { situation: "stopping", says, next: ["Wait for its grace period."], never: [] };
  }
  const says =
    proof.kind === "over" ? `Stopped: ${proof.why}.` : `Scaled to 0, which proves nothing yet: ${proof.why}.`;
  const next = proof.kind === "over" ? ["holdfast apply starts it again."] : [proof.hint];
  return { situation: "stopped", says, next, never: [] };
}

function proofText({ service }: MarathonService, evidence: RunEvidence | null): string {
  return proofOf(service, evidence).why;
}

function stuckNext(view: MarathonService, app: NonNullable<MarathonService["app"]>): readonly string[] {
  if (app.tasksHealthy !== 0 || !hasChecks(app)) return ["Wait; a deployment ends when the new instance is healthy."];
  const next = "If it does not end: stop the service, overriding its deployments, then apply again.";
  return view.queued === null ? [next] : [...offerNext(app), next];
}

function failureNext({ lastTaskFailure }: NonNullable<MarathonService["app"]>): readonly string[] {
  if (lastTaskFailure === undefined) return ["Wait; it is tried again by itself."];
  const { state, host, message = "no message" } = lastTaskFailure;
  return [
    `The last one ended with ${state} on ${host ?? "an agent"}: ${message}. See its report; it is tried again by itself.`,
  ];
}

function offerNext(app: NonNullable<MarathonService["app"]>): readonly string[] {
  const pinned =
    isResident(app) || isPinned(app) ? ["Is the agent that has the data up, and does Mesos make offers for it?"] : [];
  return [...pinned, "See why offers were declined, and free what is missing or correct the service file."];
}
