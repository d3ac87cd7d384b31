import { readFileSync } from "node:fs";
import { join } from "node:path";
import { runReportFormat } from "@holdfast/core";
import { monotonicMs } from "@holdfast/effects";
import { judge, type Verdict } from "../judge/judge.js";
import { checkRow, describeExpectation, type Expectation, type RowFacts } from "./expectation.js";
import type { FaultProfile } from "./profile.js";
import { openScene, type Scene } from "./scene.js";
import type { StoreKind, StoreProvider } from "./stores/store.js";
import type { VolumeKind } from "./volume.js";
import { REPORT_FILE, type WrapperUnderTest } from "./wrappers.js";

/** Which store a row is played on; `own-zookeeper` and `proxied-zookeeper` are a server and a proxy for the row alone. */
export type RowStore = StoreKind | "own-zookeeper" | "proxied-zookeeper";

/** What a row's script saw. */
export interface Played extends RowFacts {
  /** The fault as observed from outside. */
  readonly observed: string;
}

export interface FaultRow {
  readonly name: string;
  /** Part of the table that it belongs to. */
  readonly group: string;
  readonly stores: readonly RowStore[];
  readonly volume?: VolumeKind;
  readonly expected: Expectation;
  /** Exit codes or signals with which the holder may end; left out = not looked at. */
  readonly holderExit?: readonly (number | string)[];
  /** The holder's own report must say that the lease was released. */
  readonly released?: boolean;
  /** Also part of the short suite, on these stores. */
  readonly short?: readonly RowStore[];
  play(scene: Scene): Promise<Played>;
}

/** One line of the published table. */
export interface RowResult {
  readonly name: string;
  readonly group: string;
  readonly wrapper: "holdfast" | "naive";
  readonly store: StoreKind;
  readonly fault: string;
  readonly expected: string;
  readonly measuredMs: number | null;
  readonly overlapMs: number;
  readonly downtimeMs: number | null;
  readonly acknowledged: number;
  readonly acknowledgedAfterFault: number;
  /** Acknowledged keys that were not in the data set, or held another value. */
  readonly lost: number;
  readonly holderExit: string;
  readonly problems: readonly string[];
}

export interface RowOptions {
  readonly wrapper: WrapperUnderTest;
  readonly store: StoreProvider;
  readonly profile: FaultProfile;
}

/** Set when a row fails: the wrappers' own logs belong into the message. */
export class FaultRowError extends Error {
  override readonly name = "FaultRowError";
}

/**
 * Plays one row and judges it. The scene is taken down in any case.
 * @throws FaultRowError with the wrappers' logs when the row could not be played to its end.
 */
export async function playRow(row: FaultRow, options: RowOptions): Promise<{ result: RowResult; report: string }> {
  const { wrapper, profile } = options;
  const scene = await openScene({ wrapper, store: options.store, profile, volume: row.volume ?? "shared" });
  let failure: FaultRowError | undefined;
  try {
    return await playOn(scene, row, options);
  } catch (error) {
    const at = `${row.name} [${options.store.kind}] at ${monotonicMs().toFixed(0)} ms`;
    failure = new FaultRowError(`${at}: ${String(error)}\n${scene.report()}`, { cause: error });
    throw failure;
  } finally {
    await closeScene(scene, failure);
  }
}

async function playOn(
  scene: Scene,
  row: FaultRow,
  options: RowOptions,
): Promise<{ readonly result: RowResult; readonly report: string }> {
  const { wrapper, profile } = options;
  const played = await row.play(scene);
  await scene.endAsides();
  const left = wrapper.kind === "naive" ? [] : scene.processes();
  const verdict = judge(scene.evidence(played.moments.fault));
  const outcome = checkRow(row.expected, row.holderExit, played, verdict, profile);
  const problems = [
    ...outcome.problems,
    ...left.map((process) => `left running: ${process}`),
    ...(row.released === true ? releaseProblems(scene) : []),
  ];
  return { result: resultOf(row, options, played, verdict, { ...outcome, problems }), report: scene.report() };
}

/** What went wrong in the row comes first; that the scene could not be taken down either is told with it. */
async function closeScene(scene: Scene, failure: FaultRowError | undefined): Promise<void> {
  try {
    await scene.close();
  } catch (error) {
    if (failure === undefined) throw error;
    failure.message += `\nand then: ${String(error)}`;
  }
}

/** The first run of a scene is the holder. */
function releaseProblems(scene: Scene): string[] {
  const [holder] = scene.runs;
  if (holder === undefined) return ["nobody ran"];
  const report = runReportFormat.parse(readFileSync(join(holder.directory, REPORT_FILE)));
  return report.released ? [] : [`the holder's report says that nothing was released: ${report.cause}`];
}

function resultOf(
  row: FaultRow,
  { wrapper, store, profile }: RowOptions,
  played: Played,
  verdict: Verdict,
  outcome: ReturnType<typeof checkRow>,
): RowResult {
  return {
    name: row.name,
    group: row.group,
    wrapper: wrapper.kind,
    store: store.kind,
    fault: played.observed,
    expected: describeExpectation(row.expected, profile),
    measuredMs: outcome.measuredMs,
    overlapMs: verdict.overlapMs,
    downtimeMs: verdict.successions[0]?.downtimeMs ?? null,
    acknowledged: verdict.acknowledged,
    acknowledgedAfterFault: verdict.acknowledgedAfterFault,
    lost: verdict.lost,
    holderExit: String(played.holderExit ?? "runs on"),
    problems: outcome.problems,
  };
}
