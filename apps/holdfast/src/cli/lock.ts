import {
  confirmClean,
  confirmFenced,
  describeHolder,
  type LockStatus,
  listQuarantines,
  pendingFenceOf,
  readHandover,
  readHistory,
  readLockStatus,
  recoverLease,
  writeHistory,
} from "@holdfast/coordination";
import { DEFAULT_LEASE_TIMING, HoldfastError } from "@holdfast/core";
import type { Command } from "commander";
import { printJson, printLines } from "./output.js";
import { type StoreFlags, withStore, withStoreFlags } from "./store-options.js";

interface Confirmable extends StoreFlags {
  readonly confirm?: boolean;
  readonly note?: string;
  readonly json?: boolean;
}

/** `holdfast lock …`: what the store says of a service, and what only a person may change. */
export function registerLock(program: Command): void {
  const lock = program.command("lock").description("look at a service's lease, and repair it after the store was lost");
  withStoreFlags(lock.command("status"))
    .description("who holds the lease, who waits, what is wrong with the store")
    .action((flags: StoreFlags & { json?: boolean }) =>
      withStore(flags, async ({ context, options }) => {
        const status = await readLockStatus(context, options);
        const quarantines = await listQuarantines(context, flags.service, options.signal);
        const epoch = status.record?.epoch;
        const handover =
          epoch === undefined ? undefined : await readHandover(context, flags.service, epoch, options.signal);
        if (flags.json === true) return printJson({ ...status, quarantines, handover: handover ?? null });
        printLines([
          ...describeStatus(flags.service, status),
          ...quarantines.map(
            (q) => `  quarantine: not on ${q.agent} until it is cleaned up (epoch ${q.epoch}: ${q.reason})`,
          ),
          ...(handover === undefined ? [] : [`  ${handover.kind} asked for by ${handover.by}: ${handover.reason}`]),
        ]);
      }),
    );
  withStoreFlags(lock.command("history"))
    .description("the last starts and stops")
    .action((flags: StoreFlags & { json?: boolean }) =>
      withStore(flags, async ({ context, options }) => {
        const history = await readHistory(context, options);
        if (flags.json === true) return printJson(history ?? null);
        const entries = history?.entries ?? [];
        printLines(
          entries.map(
            (e) => `${e.at}  epoch ${String(e.epoch).padEnd(5)} ${e.kind.padEnd(12)} ${e.agent}  ${e.note ?? ""}`,
          ),
        );
        if (entries.length === 0) printLines([`No history of ${flags.service}.`]);
      }),
    );
  withStoreFlags(lock.command("recover"))
    .description("after the store was lost or restored: put a record held by nobody above every epoch ever granted")
    .requiredOption("--epoch-above <n>", "highest epoch known from volumes and reports", parseEpoch)
    .option("--lease-ms-max <ms>", "largest lease the service ever had", Number, DEFAULT_LEASE_TIMING.leaseMs)
    .option("--note <text>", "why, for the history", "recovered by an operator")
    .option("--confirm", "no run of this service is alive anywhere: I looked")
    .action((flags: Confirmable & { epochAbove: bigint; leaseMsMax: number }) => {
      requireConfirm(flags, "recover lets the next candidate start one lease later, whoever else may still run");
      return withStore(flags, async ({ context, options }) => {
        const record = await recoverLease(context, {
          ...options,
          epochAbove: flags.epochAbove,
          note: flags.note ?? "",
          leaseMsMax: flags.leaseMsMax,
        });
        if (flags.json === true) printJson(record);
        else
          printLines([
            `${flags.service} is held by nobody at epoch ${record.epoch}. The next run starts one lease (${record.leaseMs} ms) after it begins to wait.`,
          ]);
      });
    });
  withStoreFlags(lock.command("fenced"))
    .description("confirm that what an earlier run left behind can no longer write")
    .requiredOption("--epoch <n>", "epoch of that run, as `lock status` shows it", parseEpoch)
    .option("--note <text>", "how it was made sure, for the history", "confirmed by an operator")
    .option("--confirm", "that run's machine is off, or its access to the storage is revoked")
    .action((flags: Confirmable & { epoch: bigint }) => {
      requireConfirm(flags, "a wrong confirmation lets two writers touch the data");
      return withStore(flags, async ({ context, requestPath, options }) => {
        await confirmFenced(context, requestPath, { ...options, epoch: flags.epoch, note: flags.note ?? "" });
        if (flags.json === true) printJson({ fenced: flags.epoch.toString() });
        else printLines([`Recorded: epoch ${flags.epoch} of ${flags.service} can no longer write.`]);
      });
    });
  withStoreFlags(lock.command("unquarantine"))
    .description("confirm that nothing of a fenced run is left on an agent, so that the service may run there again")
    .requiredOption("--agent <id>", "the agent")
    .option("--note <text>", "how it was made sure, for the history", "confirmed by an operator")
    .option("--confirm", "no process, mount or connection of that run is left there: I looked")
    .action((flags: Confirmable & { agent: string }) => {
      requireConfirm(flags, "what is left of a fenced run could write again once its agent is let back in");
      return withStore(flags, async ({ context, options }) => {
        const record = await confirmClean(context, flags.service, flags.agent, options.signal);
        const run = `operator-${context.identity.host}`;
        const note = `fenced under epoch ${record.epoch}; ${flags.note ?? ""}`;
        await writeHistory(
          context,
          { kind: "unquarantined", epoch: record.epoch, run, agent: flags.agent, note },
          options,
        );
        if (flags.json === true) printJson(record);
        else
          printLines([`${flags.service} may run on ${flags.agent} again (it was fenced under epoch ${record.epoch}).`]);
      });
    });
}

function parseEpoch(text: string): bigint {
  if (!/^[0-9]+$/.test(text))
    throw new HoldfastError("USAGE", `"${text}" is not an epoch.`, { hint: "An epoch is a decimal number." });
  return BigInt(text);
}

export function requireConfirm(flags: { readonly confirm?: boolean }, consequence: string): void {
  if (flags.confirm === true) return;
  throw new HoldfastError("USAGE", `Nothing was changed: ${consequence}.`, {
    hint: "Give --confirm when you are sure.",
  });
}

function describeStatus(service: string, status: LockStatus): string[] {
  const { record, candidates, findings } = status;
  if (record === null) return [`${service}: no lease record.`, ...describeFindings(findings)];
  const holder = record.state.kind === "held" ? `held by ${describeHolder(record)}` : record.state.kind;
  const pending = pendingFenceOf(record);
  return [
    `${service}: epoch ${record.epoch}, ${holder}, lease ${record.leaseMs} ms`,
    ...(pending === null ? [] : [`  needs a fence of epoch ${pending.epoch} on ${pending.agent}: ${pending.what}`]),
    ...candidates.map((c, place) => `  waiting ${place}: ${c.run} on ${c.agent} since ${c.since}`),
    ...describeFindings(findings),
  ];
}

function describeFindings(findings: LockStatus["findings"]): string[] {
  return findings.map((f) => `  finding ${f.code}: ${f.message} Fix: ${f.fix}`);
}
