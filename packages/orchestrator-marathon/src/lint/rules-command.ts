import { timeBudget } from "@holdfast/core";
import { type AppView, type Found, found } from "./view.js";

const GRACE_SECONDS_MIN = 60;

/** How the process is started and stopped. */
export function commandRules({ app, wrapper }: AppView): readonly Found[] {
  const { cmd, args, container } = app;
  const image = container?.docker?.image;
  const problems: Found[] = [];
  if (cmd !== undefined && args !== undefined) problems.push(found("MARATHON_CMD_AND_ARGS", "/args"));
  if (cmd === undefined && args === undefined && image === undefined) problems.push(found("MARATHON_NO_COMMAND", ""));
  if (args !== undefined && container?.type === "MESOS" && image === undefined) {
    problems.push(found("MARATHON_ARGS_WITHOUT_PROGRAM", "/args"));
  }
  // Somewhere a command of the line must replace the shell; which one, only the shell knows.
  if (cmd !== undefined && !/(^|[;&|({]|\bthen\b|\bdo\b)\s*exec\s/.test(cmd)) {
    problems.push(found("MARATHON_SHELL_WITHOUT_EXEC", "/cmd"));
  }
  const grace = app.taskKillGracePeriodSeconds;
  if (grace === undefined) return [...problems, found("MARATHON_KILL_GRACE_UNSET", "/taskKillGracePeriodSeconds")];
  const need = wrapper === null ? { seconds: GRACE_SECONDS_MIN, why: "for a clean stop" } : wrapperGrace(wrapper);
  if (need !== null && grace < need.seconds) {
    const seen = `${grace} s, where ${need.seconds} are needed ${need.why}`;
    problems.push(found("MARATHON_KILL_GRACE_SHORT", "/taskKillGracePeriodSeconds", seen));
  }
  return problems;
}

/** What the flags say; null when they stand in a service file, which is not here. */
function wrapperGrace({ has, text }: NonNullable<AppView["wrapper"]>): { seconds: number; why: string } | null {
  if ((has("-f") || has("--file")) && !has("--stop-budget-ms")) return null;
  const leaseMs = milliseconds(text("--lease-ms")) ?? 30_000;
  const stopMs = milliseconds(text("--stop-budget-ms")) ?? Math.ceil(leaseMs / 3);
  const timing = { leaseMs, renewMs: Math.ceil(leaseMs / 10), stopBudgetMs: stopMs, marginMs: 0, guardMs: 500 };
  const marginMs = milliseconds(text("--margin-ms")) ?? timeBudget(timing).marginMsMin;
  return {
    seconds: Math.ceil((stopMs + marginMs + 5_000) / 1_000),
    why: `for a stop budget of ${stopMs} ms, a margin of ${marginMs} ms and 5 s`,
  };
}

function milliseconds(value: string | undefined): number | undefined {
  return value !== undefined && /^[0-9]{1,12}$/.test(value) ? Number(value) : undefined;
}

/** What keeps a second writer out. */
export function wrapperRules({ app, wrapper }: AppView): readonly Found[] {
  if (wrapper === null) {
    const pointer = app.args !== undefined ? "/args" : app.cmd !== undefined ? "/cmd" : "";
    return [found("MARATHON_NO_WRAPPER", pointer)];
  }
  const { pointer, words, has } = wrapper;
  const problems: Found[] = [];
  if (!has("--wait")) problems.push(found("MARATHON_NO_WAIT", pointer));
  else if (words.some((word) => /^--wait=./.test(word))) problems.push(found("MARATHON_WAIT_LIMITED", pointer));
  if (has("--first-run")) problems.push(found("MARATHON_FIRST_RUN", pointer));
  if (!has("-f") && !has("--file") && !has("--volume")) problems.push(found("MARATHON_NO_VOLUME_GUARD", pointer));
  return problems;
}
