import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { StorageCapabilities, StorageStrategy } from "@holdfast/core";
import { monotonicMs } from "@holdfast/effects";
import type { ConformanceSubject, StorageWorld } from "../world.js";
import { type ConformanceCase, invariantOf, type Level, levelOf } from "./case.js";
import { conformanceCases } from "./cases/index.js";
import type { Executable } from "./executable/service.js";
import { Broken } from "./expect.js";
import { type CaseReport, type ConformanceReport, isFenced, proveGrade } from "./report.js";
import { type Mode, Scene, type SceneDeps } from "./scene.js";
import { loadStrategy, resolveStrategy, type StrategyReference } from "./strategy-reference.js";

export interface ConformanceOptions {
  /** `full`: with the waits that a grade is defined by. Default `quick`. */
  readonly mode?: Mode;
  /** Default: all. */
  readonly levels?: readonly Level[];
  /** For the rows in which `holdfast run` drives the strategy; without it they are skipped. */
  readonly holdfast?: Executable;
  readonly onCase?: (report: CaseReport) => void;
}

/** A subject whose world runs; cases are played on it one after the other. */
export interface Session {
  readonly cases: readonly ConformanceCase[];
  play(one: ConformanceCase): Promise<CaseReport>;
  report(): ConformanceReport;
  close(): Promise<void>;
}

export function casesOf(levels?: readonly Level[]): readonly ConformanceCase[] {
  return conformanceCases.filter((one) => levels === undefined || levels.includes(levelOf(one)));
}

export async function openSession(subject: ConformanceSubject, options: ConformanceOptions = {}): Promise<Session> {
  const reference = resolveStrategy(subject.strategy);
  const strategy = await loadStrategy(reference);
  const at = new Date().toISOString();
  const world = await subject.recipe.start();
  const workDirectory = mkdtempSync(join(tmpdir(), "holdfast-conformance-"));
  const mode = options.mode ?? "quick";
  const deps: SceneDeps = {
    subject: { ...subject, strategy: reference },
    strategy,
    world,
    mode,
    workDirectory,
    outside: new Map(),
    executable: options.holdfast,
  };
  const close = async () => {
    try {
      for (const half of deps.outside.values()) await half.kill();
      await world.close();
    } finally {
      rmSync(workDirectory, { recursive: true, force: true });
    }
  };
  const capabilities = await declaredBy(strategy, new Scene(deps)).catch(async (error: unknown) => {
    await close();
    throw error;
  });
  const reports: CaseReport[] = [];
  return {
    cases: casesOf(options.levels),
    async play(one) {
      const declared = { capabilities, strategy, servers: world.servers, executable: options.holdfast };
      const skipped = one.skip?.(declared);
      const report =
        skipped === undefined
          ? await playCase(one, new Scene(deps), one.demanded === undefined || isFenced(capabilities.declaredGrade))
          : { ...blank(one), result: "skipped" as const, why: skipped };
      reports.push(report);
      options.onCase?.(report);
      return report;
    },
    report: () => ({
      v: 1,
      ...identity(strategy, reference, world),
      at,
      mode,
      declaredGrade: capabilities.declaredGrade,
      proven: proveGrade(reports, capabilities.declaredGrade),
      cases: reports,
    }),
    close,
  };
}

async function declaredBy(strategy: StorageStrategy, scene: Scene): Promise<StorageCapabilities> {
  return strategy.capabilities(await scene.volume());
}

/** Plays every case and takes the world down, whatever happens. */
export async function runConformance(
  subject: ConformanceSubject,
  options: ConformanceOptions = {},
): Promise<ConformanceReport> {
  const session = await openSession(subject, options);
  try {
    for (const one of session.cases) await session.play(one);
    return session.report();
  } finally {
    await session.close();
  }
}

async function playCase(one: ConformanceCase, scene: Scene, demanded: boolean): Promise<CaseReport> {
  const startMs = monotonicMs();
  const ended = await one.run(scene).then(
    () => undefined,
    (error: unknown) => error,
  );
  const problems = await scene.end();
  const base = {
    ...blank(one),
    measured: scene.measured,
    facts: scene.facts,
    tookMs: Math.round(monotonicMs() - startMs),
  };
  if (ended !== undefined) {
    const broken = ended instanceof Broken;
    return { ...base, result: broken && !demanded ? "reported" : "failed", why: explain(ended) };
  }
  if (problems.length > 0) return { ...base, result: "failed", why: `afterwards: ${problems.join("; ")}` };
  return { ...base, result: "passed", why: null };
}

/** What a case stumbled over: a broken promise in its own words, anything else with what it is. */
function explain(error: unknown): string {
  if (error instanceof Broken) return error.message;
  if (!(error instanceof Error)) return `unexpected: ${String(error)}`;
  const { code, hint } = error as { code?: unknown; hint?: unknown };
  const said = typeof hint === "string" && hint !== "" ? ` (${hint.slice(0, 300)})` : "";
  return `unexpected: ${typeof code === "string" ? `${code} ` : ""}${error.message}${said}`;
}

const blank = (one: ConformanceCase): Omit<CaseReport, "result"> => ({
  id: one.id,
  level: levelOf(one),
  invariant: invariantOf(one),
  title: one.title,
  why: null,
  tookMs: 0,
  measured: {},
  facts: [],
});

function identity(strategy: StorageStrategy, reference: StrategyReference, world: StorageWorld) {
  return {
    strategy: strategy.type,
    package: packageOf(fileURLToPath(reference.module)),
    backend: world.backend,
    server: world.server,
    versions: {
      testkit: packageOf(fileURLToPath(import.meta.url))?.version ?? "unknown",
      node: process.versions.node,
      kernel: readFileSync("/proc/sys/kernel/osrelease", "utf8").trim(),
    },
  };
}

/** The nearest package.json with a name and a version. */
function packageOf(path: string): { name: string; version: string } | null {
  for (let directory = dirname(path); directory !== dirname(directory); directory = dirname(directory)) {
    const file = join(directory, "package.json");
    if (!existsSync(file)) continue;
    const { name, version } = JSON.parse(readFileSync(file, "utf8")) as { name?: string; version?: string };
    if (name !== undefined && version !== undefined) return { name, version };
  }
  return null;
}
