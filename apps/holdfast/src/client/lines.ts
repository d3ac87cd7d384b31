import type { Explained, History, Plan, Status } from "./answers.js";

/** Pure: columns as wide as their widest cell; the last one is not padded. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const widths = head.map((name, column) => Math.max(name.length, ...rows.map((row) => (row[column] ?? "").length)));
  return [head, ...rows].map((row) =>
    row
      .map((cell, column) => (column === row.length - 1 ? cell : cell.padEnd(widths[column] ?? 0)))
      .join("  ")
      .trimEnd(),
  );
}

export function statusTable(services: readonly Status[]): string[] {
  if (services.length === 0) return ["No services. Apply a service file: holdfast apply -f FILE"];
  return table(
    ["SERVICE", "STATE", "HOLDER", "EPOCH", "TASKS", "WHY"],
    services.map(({ service, state, holder, tasks, why, code }) => [
      service,
      code ?? state,
      holder === null ? "-" : holder.state === "held" ? holder.agent : `(${holder.state})`,
      holder?.epoch ?? "-",
      taskText(tasks),
      why,
    ]),
  );
}

/** Ended ones are history. */
function taskText(tasks: Status["tasks"]): string {
  const living = tasks.filter(({ state }) => !["finished", "failed", "lost"].includes(state));
  return living.length === 0 ? "-" : living.map(({ agent, state }) => `${agent} ${state}`).join(", ");
}

export function explainLines(of: Explained): string[] {
  const { service, state, code, because, actions, volumes, grade, budget, candidates, operation, pause, past } = of;
  const last = past[0];
  return [
    `${service}: ${code ?? state}`,
    ...because.map((line) => `  ${line}`),
    ...(pause === null ? [] : [`  paused by ${pause.owner} until ${pause.until}: ${pause.reason}`]),
    ...(operation === null ? [] : [`under way: ${operation.kind}, asked for by ${operation.by}`]),
    ...(operation?.steps ?? []).map(
      ({ verb, state: of, note }) => `  ${verb}: ${of}${note === undefined ? "" : `, ${note}`}`,
    ),
    ...volumes.map(({ role, strategy, mountPath }) => `volume ${role}: ${strategy} at ${mountPath}`),
    ...(grade === null ? [] : [`grade: ${grade.grade}: ${grade.meaning}`]),
    ...(budget === null
      ? []
      : [`a takeover takes at most ${Math.round(budget.takeoverMsMax)} ms from a dead holder to the next grant`]),
    ...candidates.map(({ agent, since }, place) => `waiting ${place}: ${agent} since ${since}`),
    ...(last === undefined ? [] : [`last: ${pastText(last)}`]),
    ...(actions.length === 0 ? ["next: nothing needs doing"] : actions.map((action) => `next: ${action}`)),
  ];
}

function pastText({ kind, state, endedAt, by, note, failure }: Explained["past"][number]): string {
  const why = failure === undefined ? (note ?? "") : `${failure.code}: ${failure.message}`;
  return `${endedAt} ${kind} ${state}, by ${by}${why === "" ? "" : `: ${why}`}`;
}

/** Both in one list, newest first: what a run did and what was done to it belong together. */
export function historyTable({ runs, operations }: History): string[] {
  const rows = [
    ...runs.map(({ at, kind, epoch, agent, note }) => [at, kind, epoch, agent, note ?? ""]),
    ...operations.map((of) => {
      const { endedAt, kind, state, by, automatic, failure, note, reason } = of;
      const why = failure === undefined ? (note ?? reason) : `${failure.code}: ${failure.message}`;
      return [endedAt, `${kind} ${state}`, "-", automatic ? "(by itself)" : by, why];
    }),
  ].sort((a, b) => ((a[0] ?? "") < (b[0] ?? "") ? 1 : -1));
  if (rows.length === 0) return ["Nothing has happened yet."];
  return table(["AT", "WHAT", "EPOCH", "AGENT OR WHO", "NOTE"], rows);
}

export function planLines(plan: Plan): string[] {
  const { service, action, effect, reconcile, holder, grade, budget, warnings, findings, keeps, hash, confirm } = plan;
  return [
    `${action === "none" ? "nothing changes for" : action} ${service}`,
    ...(holder === null ? [] : [`  lease: epoch ${holder.epoch}, ${holder.state}, ${holder.agent}`]),
    ...(effect === null ? [] : [`  effect: ${effect.effect}: ${effect.why}`]),
    ...(effect?.changes ?? []).map(
      ({ pointer, before, after }) => `    ${pointer}: ${before ?? "(none)"} → ${after ?? "(none)"}`,
    ),
    reconcileLine(reconcile),
    ...(reconcile.next === undefined ? [] : [`    ${reconcile.next}`]),
    ...(grade === null
      ? []
      : [
          `  grade: ${grade.grade}: ${grade.meaning}${grade.meetsMinimum ? "" : " (less than it demands: no run will start)"}`,
        ]),
    ...(budget === null
      ? []
      : [`  takeover: at most ${Math.round(budget.takeoverMsMax)} ms, from a dead holder to the next grant`]),
    ...(budget?.problems ?? []).map((problem) => `  problem: ${problem}`),
    ...warnings.map((warning) => `  warning: ${warning}`),
    ...findings.map(({ code, pointer, why, fix }) => `  finding ${code} at ${pointer}: ${why} Fix: ${fix}`),
    ...(action === "destroy" ? keeps.map((kept) => `  stays where it is: ${kept}`) : []),
    `hash: ${hash}`,
    ...(confirm === null ? [] : [`confirm: ${confirm}`]),
  ];
}

function reconcileLine({ kind, why = "", steps = [] }: Plan["reconcile"]): string {
  if (kind === "act") return `  then: ${steps.join(", ")}: ${why}`;
  return kind === "wait" ? `  then it waits: ${why}` : `  then: ${why === "" ? kind : why}`;
}
