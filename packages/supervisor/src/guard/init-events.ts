import type { InitReport } from "../init/protocol.js";
import { onHello } from "./boot.js";
import { onClaim } from "./claim.js";
import type { InitKeeper } from "./events.js";
import { run } from "./prepare.js";
import { onReplicaStarted } from "./promotion.js";
import { onAlive } from "./renewal.js";
import { becauseOf, fail, kill, onGone, signalApplication } from "./stop.js";
import { inPhase, isEnding, type Turn } from "./turn.js";

const ENOENT = 2;

export function onInitReport(turn: Turn, keeper: InitKeeper, report: Exclude<InitReport, { type: "step" }>): void {
  switch (report.type) {
    case "hello":
      return onHello(turn, keeper, report);
    case "alive":
      return onAlive(turn, report.bootNs);
    case "claim":
      return onClaim(turn, report);
    case "started":
      return onStarted(turn, report.pid);
    case "refused":
      return onRefused(turn, report.reason);
    case "exec":
      return onExecFailed(turn, report.errno, report.message);
    case "exit":
      return onExit(turn, report);
    case "left":
      if (report.count > 0) turn.log("warn", `the application left ${report.count} processes behind; they are killed`);
      return;
    case "gone":
      return onGone(turn, true, "it reported its end");
    case "error":
      return turn.log("warn", `init: ${report.message}`);
  }
}

function onStarted(turn: Turn, pid: number): void {
  const { application } = turn.state;
  if (application.kind !== "starting") return;
  turn.disarm("start-answer");
  turn.set({ application: { kind: "running", pid } });
  turn.log("debug", "started", { pid });
  for (const signal of application.signals) signalApplication(turn, signal);
  if (inPhase(turn.state, "preparing")) run(turn);
  else if (inPhase(turn.state, "starting")) onReplicaStarted(turn);
}

function onRefused(turn: Turn, reason: string): void {
  if (isEnding(turn.state)) return;
  const hint = "Nothing was started. Start it again.";
  fail(turn, { code: "LEASE_LOST", message: `The init refused to start the application (${reason}).`, hint }, "kill");
}

function onExecFailed(turn: Turn, errno: number, detail: string): void {
  const command = turn.state.config.command[0];
  const code = errno === ENOENT ? "COMMAND_NOT_FOUND" : "COMMAND_NOT_EXECUTABLE";
  turn.set({ application: { kind: "not-started" } });
  const hint = "Correct the command after `--`; it is looked for in PATH and never given to a shell.";
  fail(turn, { code, message: `${command} could not be executed: ${detail}.`, hint }, "kill");
}

/** Whatever else lives in the tree, a daemon it left or a helper, ends with it. */
function onExit(turn: Turn, { ended }: Extract<InitReport, { type: "exit" }>): void {
  if (turn.state.application.kind === "ended") return;
  turn.set({ application: { kind: "ended", ended } });
  becauseOf(turn, { kind: "application" });
  kill(turn);
}
