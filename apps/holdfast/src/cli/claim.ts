import { constants } from "node:fs";
import { open, rename } from "node:fs/promises";
import { join } from "node:path";
import { readLease, writeHistory } from "@holdfast/coordination";
import { HoldfastError, VOLUME_MARK_DIRECTORY } from "@holdfast/core";
import { bounded, syncDirectory } from "@holdfast/effects";
import type { Command } from "commander";
import { requireConfirm } from "./lock.js";
import { printJson, printLines } from "./output.js";
import { type StoreFlags, withStore, withStoreFlags } from "./store-options.js";

const TIMEOUT_MS = 30_000;

interface BreakFlags extends StoreFlags {
  readonly volume: string;
  readonly note: string;
  readonly confirm?: boolean;
  readonly json?: boolean;
}

/** `holdfast claim break`: the one way round a claim that nobody alive can give back. */
export function registerClaim(program: Command): void {
  const claim = program.command("claim").description("the holder's lock on the volume itself");
  withStoreFlags(claim.command("break"))
    .description("set a volume's claim aside when the process that holds it is certainly dead or cut off")
    .requiredOption("--volume <path>", "the marked volume")
    .option("--note <text>", "how it was made sure, for the history", "broken by an operator")
    .option("--confirm", "whatever held the claim can no longer write: I looked")
    .action((flags: BreakFlags) => {
      requireConfirm(flags, "a process that still holds the claim may still write, beside its successor");
      return withStore(flags, async ({ context, options }) => {
        const seen = await readLease(context, options);
        if (seen === undefined) {
          throw new HoldfastError("NOT_FOUND", `There is no lease record of ${flags.service}.`, {
            hint: "Check --service and --store; nothing was changed.",
          });
        }
        const { epoch, run } = seen.record;
        // History first: whatever happens next, it says that somebody did this.
        await writeHistory(
          context,
          { kind: "claim-broken", epoch, run, agent: context.identity.agent, note: flags.note },
          options,
        );
        const aside = await bounded(setAside(flags.volume), {
          timeoutMs: TIMEOUT_MS,
          code: "VOLUME_HUNG",
          what: `Breaking the claim on ${flags.volume}`,
          hint: "Look at the file system's server.",
        });
        if (flags.json === true) printJson({ broken: true, aside });
        else printLines([`The claim on ${flags.volume} was set aside as ${aside}. The next run takes a new one.`]);
      });
    });
}

/** The old file keeps its lock under another name; the new one has none. */
async function setAside(volume: string): Promise<string> {
  const directory = join(volume, VOLUME_MARK_DIRECTORY);
  const aside = join(directory, `claim.broken-${new Date().toISOString().replaceAll(":", "-")}`);
  await rename(join(directory, "claim"), aside);
  const file = await open(join(directory, "claim"), constants.O_RDWR | constants.O_CREAT | constants.O_EXCL, 0o644);
  await file.close();
  await syncDirectory(directory);
  return aside;
}
