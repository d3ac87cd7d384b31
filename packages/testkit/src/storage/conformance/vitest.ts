import { mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { ConformanceSubject } from "../world.js";
import type { Level } from "./case.js";
import { formatReport } from "./report.js";
import { type ConformanceOptions, casesOf, openSession, type Session } from "./run.js";

export interface StorageConformanceOptions extends Omit<ConformanceOptions, "onCase" | "holdfast"> {
  /** With what the rows of `holdfast run` are played. Default: HOLDFAST_BIN, if set; null = they are not played. */
  readonly holdfast?: ConformanceOptions["holdfast"] | null;
  /** Where the report is written; default: `<strategy>-<backend>.json` in HOLDFAST_CONFORMANCE_DIR, if that is set. */
  readonly reportFile?: string;
  /** Levels of an everyday run, where the whole would take too long; a full run plays all of `levels`. */
  readonly everyday?: readonly Level[];
  /** For one case, milliseconds. Default 900 000: one that ends a client after every effect waits for its locks each time. */
  readonly caseTimeoutMs?: number;
}

const WORLD_LIMIT_MS = 300_000;
const CASE_LIMIT_MS = 900_000;

/** Why a row is left out of an everyday run, for `skip`; undefined in a full one, which is played before a proof is filed. */
export const everydayRun = (): string | undefined =>
  process.env.HOLDFAST_CONFORMANCE_MODE === "full"
    ? undefined
    : "waits for a limit of the server for a minute and more: only with HOLDFAST_CONFORMANCE_MODE=full";

/**
 * What every storage strategy must do, as tests on a real backend: call it at the top level of a test file. A strategy
 * does not opt out; what it declares that it cannot do is skipped, naming the declaration. HOLDFAST_CONFORMANCE_MODE=full
 * waits as long as a grade's definition says; with HOLDFAST_BIN the rows of `holdfast run` are played, too.
 */
export function storageConformance(
  name: string,
  subject: ConformanceSubject,
  options: StorageConformanceOptions = {},
): void {
  const mode = options.mode ?? (everydayRun() === undefined ? "full" : "quick");
  const levels = mode === "full" ? options.levels : (options.everyday ?? options.levels);
  describe(`storage conformance: ${name}`, () => {
    const missing = subject.recipe.unavailable();
    if (missing !== undefined) {
      test("its backend can be had here", ({ skip }) => skip(missing));
      return;
    }
    let session: Session | undefined;
    beforeAll(async () => {
      const { holdfast: given, ...others } = options;
      const holdfast = given === null ? undefined : (given ?? executableOfEnvironment());
      session = await openSession(subject, {
        ...others,
        ...(levels === undefined ? {} : { levels }),
        mode,
        ...(holdfast === undefined ? {} : { holdfast }),
      });
    }, WORLD_LIMIT_MS);
    afterAll(async () => {
      if (session === undefined) return;
      const report = session.report();
      const file = options.reportFile ?? defaultReportFile(report.strategy, report.backend);
      if (file !== undefined) {
        mkdirSync(dirname(file), { recursive: true });
        writeFileSync(file, formatReport(report));
      }
      await session.close();
    }, WORLD_LIMIT_MS);
    for (const one of casesOf(levels)) {
      test(
        `${one.id}: ${one.title}`,
        async ({ skip, annotate }) => {
          if (session === undefined) throw new Error("the world did not start");
          const { result, why, facts } = await session.play(one);
          if (result === "skipped") skip(why ?? undefined);
          for (const fact of facts) await annotate(fact);
          if (result === "reported") await annotate(`not promised by this grade, and not so: ${why}`);
          if (result === "failed") expect.fail(why ?? "it failed");
        },
        options.caseTimeoutMs ?? CASE_LIMIT_MS,
      );
    }
  });
}

/** For a strategy that the executable brings itself; one from elsewhere is named in `options.holdfast`. */
function executableOfEnvironment(): ConformanceOptions["holdfast"] {
  const file = process.env.HOLDFAST_BIN;
  return file === undefined || file === "" ? undefined : { command: [file] };
}

function defaultReportFile(strategy: string, backend: string): string | undefined {
  const directory = process.env.HOLDFAST_CONFORMANCE_DIR;
  if (directory === undefined || directory === "") return undefined;
  return `${directory}/${strategy}-${backend}.json`;
}
