import { constants } from "node:os";
import { endsRun, type GuardSignal } from "../signals.js";
import { becauseOf, kill, requestStop, signalApplication } from "./stop.js";
import { inPhase, isEnding, type Turn } from "./turn.js";

/**
 * Only the guard acts on signals, whoever else of the tree gets them at the same moment. The first one that ends a run
 * begins the clean stop; a second shortens nothing but reaches the application, which may have a meaning for it.
 */
export function onSignal(turn: Turn, signal: GuardSignal): void {
  const { state } = turn;
  const number = signal === "SIGTERM" ? state.config.stopSignal : constants.signals[signal];
  const lives = state.application.kind === "running" || state.application.kind === "starting";
  if (isEnding(state)) return;
  if (!endsRun(signal)) {
    if (lives) signalApplication(turn, number);
    return;
  }
  turn.log("info", `got ${signal}`);
  if (inPhase(state, "stopping")) return signalApplication(turn, number);
  becauseOf(turn, { kind: "signal", signal: constants.signals[signal] });
  if (lives) requestStop(turn, number);
  else kill(turn);
}
