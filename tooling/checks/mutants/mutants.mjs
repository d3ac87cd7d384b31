// @ts-check
/**
 * One-line deviations of the lease's code, each a counterpart of a mutant that the state model rejects, and of the
 * guard's code for volumes, each against a rule of ADR 7. `find` must occur in the file exactly once, so that a mutant
 * cannot silently stop being one when the code changes.
 * @typedef {{ name: string, model: string, file: string, find: string, replace: string }} Mutant
 */

import { storageMutants } from "./storage-mutants.mjs";

const lease = "packages/coordination/src/lease/";

/** @type {readonly Mutant[]} */
const leaseMutants = [
  {
    name: "deadline counts from the acknowledgement",
    model: "M1",
    file: `${lease}held-lease.ts`,
    find: "return this.#confirm(attempt.n, stamp, record, version)",
    replace: "return this.#confirm(attempt.n, this.#context.clock.now(), record, version)",
  },
  {
    name: "a new version is dated with the previous poll",
    model: "M2a, M2b",
    file: `${lease}observer.ts`,
    find: "return { version: seen.version, record: seen.record, seenAtMs: answeredAtMs };",
    replace: "return { version: seen.version, record: seen.record, seenAtMs: before?.seenAtMs ?? 0 };",
  },
  {
    name: "the timer starts when the read is sent",
    model: "M2c",
    file: `${lease}begin.ts`,
    find: "  const [seen, history] = await Promise.all([readLease(context, call), readHistory(context, call)]);\n  return { seen, history, answeredAtMs: context.clock.now().monoMs };",
    replace:
      "  const answeredAtMs = context.clock.now().monoMs;\n  const [seen, history] = await Promise.all([readLease(context, call), readHistory(context, call)]);\n  return { seen, history, answeredAtMs };",
  },
  {
    name: "renewal and takeover without version check",
    model: "M3",
    file: `${lease}record-io.ts`,
    find: "return context.store.put(context.paths.lease, leaseRecordFormat.serialize(record), expected, options);",
    replace:
      "const now = await context.store.get(context.paths.lease, options); return context.store.put(context.paths.lease, leaseRecordFormat.serialize(record), now?.version ?? expected, options);",
  },
  {
    name: "unknown outcome counts as success",
    model: "M5",
    file: `${lease}held-lease.ts`,
    find: 'return { kind: "unconfirmed", why: "and it could not be read.", pauseMs: AWAY_PAUSE_MS };',
    replace: 'return { kind: "confirmed", stamp: this.#context.clock.now(), pauseMs: 0 };',
  },
  {
    name: "my run id in the record proves the unanswered attempt",
    model: "M5b, M7, M7b",
    file: `${lease}judge-read.ts`,
    find: 'if (stamp === undefined) return { kind: "mine", version };',
    replace:
      'if (stamp === undefined) return { kind: "confirmed", n: record.attempt.n, stamp: [...self.stamps.values()].at(-1) ?? { monoMs: 9e15, bootMs: 9e15 }, version };',
  },
  {
    name: "the youngest of several unanswered attempts is believed",
    model: "M5c, M9c",
    file: `${lease}judge-read.ts`,
    find: "const stamp = record.attempt.nonce === self.nonce ? self.stamps.get(record.attempt.n) : undefined;",
    replace: "const stamp = record.attempt.nonce === self.nonce ? [...self.stamps.values()].at(-1) : undefined;",
  },
  {
    name: "no allowance for clock rates",
    model: "M6",
    file: "packages/core/src/timing.ts",
    find: "return seenAtMs + recordLeaseMs * CANDIDATE_LEASE_FACTOR + timing.guardMs + place * timing.renewMs;",
    replace: "return seenAtMs + recordLeaseMs * 0.8 + place * timing.renewMs;",
  },
  {
    name: "the candidate's own lease is waited",
    model: "M8",
    file: `${lease}observer.ts`,
    find: "const untilMs = takeoverNotBeforeMs(seenAtMs, record.leaseMs, timing, place);",
    replace: "const untilMs = takeoverNotBeforeMs(seenAtMs, timing.leaseMs, timing, place);",
  },
  {
    name: "a takeover with unknown outcome starts",
    model: "M9a",
    file: `${lease}take-over.ts`,
    find: "return resolveByReading(context, attempts, record, observation, leaseMsMax, signal, error);",
    replace: 'return { kind: "granted", lease: new HeldLease(context, attempts, record, observation.version), stamp };',
  },
  {
    name: "a takeover learnt by reading is dated with the reading",
    model: "M9b",
    file: `${lease}take-over.ts`,
    find: "return await accept(context, attempts, seen, observation, judgement.stamp, leaseMsMax, signal);",
    replace: "return await accept(context, attempts, seen, observation, context.clock.now(), leaseMsMax, signal);",
  },
  {
    name: "a deadline goes by monotonic time alone",
    model: "M11",
    file: "packages/core/src/instant.ts",
    find: "return now.monoMs >= deadline.monoMs || now.bootMs >= deadline.bootMs;",
    replace: "return now.monoMs >= deadline.monoMs;",
  },
  {
    name: "creating the record grants at once",
    model: "M12",
    file: `${lease}observer.ts`,
    find: "if (neverRan) return waitOrTry(",
    replace: 'if (neverRan || record.state.kind === "vacant") return waitOrTry(',
  },
  {
    name: "the creation that the takeover's answer names is not compared",
    model: "M12b",
    file: `${lease}take-over.ts`,
    find: "if (taken.version.created !== observation.version.created)",
    replace: "if (context.timing.leaseMs < 0)",
  },
  {
    name: "a run id is used again",
    model: "M14",
    file: `${lease}take-over.ts`,
    find: "return { observation, run: randomUUID() };",
    replace: 'return { observation, run: "one-run-id-for-all" };',
  },
  {
    name: "a release with unknown outcome is taken for failed, the run goes on",
    model: "M16",
    file: `${lease}held-lease.ts`,
    find: "    this.#ended = true;\n",
    replace: "",
  },
  {
    name: "a takeover keeps the epoch",
    model: "REACQ-strict",
    file: `${lease}take-over.ts`,
    find: "epoch: former.epoch + 1n,",
    replace: "epoch: former.epoch,",
  },
  {
    name: "a takeover learnt at its deadline is used",
    model: "REACQ-strict",
    file: `${lease}take-over.ts`,
    find: 'if (!isReached(cutDeadline(stamp, context.timing), context.clock.now())) return { kind: "granted", lease, stamp };',
    replace: 'if (context.timing.leaseMs > 0) return { kind: "granted", lease, stamp };',
  },
  {
    name: "a record of the same machine is not waited out",
    model: "RECLAIM-*, F1-F4",
    file: `${lease}observer.ts`,
    find: "const untilMs = takeoverNotBeforeMs(seenAtMs, record.leaseMs, timing, place);",
    replace:
      'const untilMs = record.bootId === "boot-1" ? seenAtMs : takeoverNotBeforeMs(seenAtMs, record.leaseMs, timing, place);',
  },
  {
    name: "the margin leaves out the clock rate",
    model: "doc-1pc-slew12-margin5",
    file: "packages/core/src/budget.ts",
    find: "const rho = costs.clockRateError;",
    replace: "const rho = 0;",
  },
  {
    name: "a lost store is believed",
    model: "rule 7",
    file: `${lease}bootstrap.ts`,
    find: "if (volumeEpoch > 0n && (history === undefined || history.epoch < volumeEpoch || known < volumeEpoch)) {",
    replace: "if (volumeEpoch < 0n) {",
  },
];

export const mutants = [...leaseMutants, ...storageMutants];
