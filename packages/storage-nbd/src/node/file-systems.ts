import type { CheckResult } from "@holdfast/core";

export type FsType = "ext4" | "xfs";

/** What the tools said of a device, before any decision. */
export type DeviceFacts =
  | { readonly kind: "blank" }
  /** Not blank, and no file system that blkid knows. */
  | { readonly kind: "unrecognised" }
  | { readonly kind: "other"; readonly type: string }
  | { readonly kind: "ext4"; readonly superblock: Ext4Superblock | null; readonly check: ExitFacts | null }
  | { readonly kind: "xfs"; readonly log: "clean" | "dirty" | "unreadable"; readonly check: ExitFacts | null };

export interface ExitFacts {
  readonly exitCode: number;
  readonly output: string;
}

export interface Ext4Superblock {
  readonly needsRecovery: boolean;
  /** `clean`, `not clean`, `clean with errors`, … */
  readonly state: string;
}

/** Of `dumpe2fs -h`; null when it shows no superblock. */
export function parseDumpe2fs(text: string): Ext4Superblock | null {
  const field = (name: string) => new RegExp(`^${name}:\\s*(.*)$`, "m").exec(text)?.[1]?.trim();
  const state = field("Filesystem state");
  if (state === undefined) return null;
  return { needsRecovery: (field("Filesystem features") ?? "").split(/\s+/).includes("needs_recovery"), state };
}

/** Of `xfs_logprint -t`. */
export function parseLogState(text: string): "clean" | "dirty" | "unreadable" {
  const state = /state: <(CLEAN|DIRTY)>/.exec(text)?.[1];
  return state === "CLEAN" ? "clean" : state === "DIRTY" ? "dirty" : "unreadable";
}

export function parseBlkid(text: string): string | null {
  return /^TYPE=(.+)$/m.exec(text)?.[1] ?? null;
}

/** e2fsck(8): 4 = errors left uncorrected; 8 and above = it could not work at all. */
const E2FSCK_COULD_NOT = 8;

/** Pure. `command`: what a person runs to go on. */
export function judgeDevice(fsType: FsType, facts: DeviceFacts, command: CheckCommands): CheckResult {
  const clean: CheckResult = { state: "clean", safeToRepair: true, findings: [], command: null };
  const safe = (finding: string): CheckResult => ({
    state: "needs-repair",
    safeToRepair: true,
    findings: [finding],
    command: command.repair,
  });
  const damaged = (finding: string, next: string): CheckResult => ({
    state: "damaged",
    safeToRepair: false,
    findings: [finding],
    command: next,
  });
  switch (facts.kind) {
    case "blank":
      return damaged("BLANK: there is no file system, and nothing else either.", command.format);
    case "unrecognised":
      return damaged(
        `NO_SUPERBLOCK: the device holds data, but no file system is recognised. A damaged superblock looks like this.`,
        command.force,
      );
    case "other":
      return damaged(`WRONG_FILE_SYSTEM: it holds ${facts.type}, and ${fsType} is expected.`, command.look);
    case "ext4":
      if (facts.superblock === null) return damaged("NO_SUPERBLOCK: its superblock cannot be read.", command.force);
      if (facts.check !== null && facts.check.exitCode >= E2FSCK_COULD_NOT) {
        return damaged(`UNREADABLE: e2fsck -n ended with ${facts.check.exitCode}: ${tail(facts.check)}`, command.force);
      }
      if (/error|not clean/.test(facts.superblock.state)) {
        return safe(`ERRORS: the file system says it is "${facts.superblock.state}".`);
      }
      if (facts.superblock.needsRecovery)
        return safe("DIRTY_JOURNAL: it was not unmounted; its journal is to be replayed.");
      if (facts.check !== null && facts.check.exitCode !== 0) {
        return safe(`ERRORS: e2fsck -n ended with ${facts.check.exitCode}: ${tail(facts.check)}`);
      }
      return clean;
    case "xfs":
      if (facts.log === "unreadable") return damaged("NO_LOG: its log cannot be read.", command.force);
      if (facts.log === "dirty") return safe("DIRTY_LOG: it was not unmounted; its log is to be replayed.");
      if (facts.check !== null && facts.check.exitCode !== 0) {
        // xfs_repair has no gentle mode: what it finds, a person sees first.
        return damaged(
          `ERRORS: xfs_repair -n ended with ${facts.check.exitCode}: ${tail(facts.check)}`,
          command.repair,
        );
      }
      return clean;
    default:
      return facts satisfies never;
  }
}

export interface CheckCommands {
  readonly repair: string;
  readonly force: string;
  readonly format: string;
  readonly look: string;
}

const TAIL_LENGTH = 400;

function tail({ output }: ExitFacts): string {
  return output.trim().slice(-TAIL_LENGTH);
}

/** Of `e2fsck -C 1`: lines `pass done total device`. The last one that is whole. */
export function parseFsckProgress(output: string): { pass: number; done: number; total: number } | null {
  const last = [...output.matchAll(/^(\d) (\d+) (\d+) \S+$/gm)].at(-1);
  if (last === undefined) return null;
  return { pass: Number(last[1]), done: Number(last[2]), total: Number(last[3]) };
}

/** What is read to call a device blank: all of it up to a size, else its beginning, its end and samples between. */
export function blankRanges(sizeBytes: number, wholeBytesMax: number): { offset: number; bytes: number }[] {
  if (sizeBytes <= wholeBytesMax) return [{ offset: 0, bytes: sizeBytes }];
  const SAMPLE = 1024 * 1024;
  const SAMPLES = 32;
  const rest = sizeBytes - wholeBytesMax;
  const samples = Array.from({ length: SAMPLES }, (_, index) => {
    const offset = wholeBytesMax + Math.floor((rest - SAMPLE) * ((index + 1) / SAMPLES));
    return { offset, bytes: SAMPLE };
  });
  return [{ offset: 0, bytes: wholeBytesMax }, ...samples];
}
