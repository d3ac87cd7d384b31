import { updateRecord } from "@holdfast/coordination";
import {
  activePause,
  type CatalogueRecord,
  catalogueRecordFormat,
  type DecisionsRecord,
  decisionsRecordFormat,
  type Pause,
  pauseRecordFormat,
  type RecordFormat,
  storePaths,
} from "@holdfast/core";
import { CALL_MS, type ControllerContext } from "./context.js";

async function read<T>(
  { store }: ControllerContext,
  path: string,
  format: RecordFormat<T>,
  signal: AbortSignal,
): Promise<T | undefined> {
  const entry = await store.get(path, { timeoutMs: CALL_MS, signal });
  return entry === undefined ? undefined : format.parse(entry.data);
}

export function readCatalogue(context: ControllerContext, service: string, signal: AbortSignal) {
  return read(context, storePaths.catalogue(service), catalogueRecordFormat, signal);
}

export function readDecisions(context: ControllerContext, service: string, signal: AbortSignal) {
  return read(context, storePaths.decisions(service), decisionsRecordFormat, signal);
}

/** The pause that holds for a service, its own or that of all; with null, that of all alone. */
export async function readPause(
  context: ControllerContext,
  service: string | null,
  signal: AbortSignal,
): Promise<Pause | null> {
  const nowMs = wallMs(context);
  const [all, own] = await Promise.all([
    read(context, storePaths.controller.pause, pauseRecordFormat, signal),
    service === null ? undefined : read(context, storePaths.pause(service), pauseRecordFormat, signal),
  ]);
  return activePause(all, nowMs) ?? activePause(own, nowMs);
}

/** Wall time as a number: for pauses and damping, never for exclusivity. */
export function wallMs({ clock }: Pick<ControllerContext, "clock">): number {
  return Date.parse(clock.wallTime());
}

export async function updateDecisions(
  context: ControllerContext,
  service: string,
  decide: (before: DecisionsRecord | undefined) => DecisionsRecord,
  signal: AbortSignal,
): Promise<DecisionsRecord> {
  const path = storePaths.decisions(service);
  const written = await updateRecord(context, path, decisionsRecordFormat, decide, signal);
  if (written === undefined) throw new Error("the decisions were neither written nor kept");
  return written;
}

/** @param decide - throws when the record is not the one that the change was planned for. */
export async function updateCatalogue(
  context: ControllerContext,
  service: string,
  decide: (before: CatalogueRecord | undefined) => CatalogueRecord,
  signal: AbortSignal,
): Promise<CatalogueRecord> {
  const path = storePaths.catalogue(service);
  const written = await updateRecord(context, path, catalogueRecordFormat, decide, signal);
  if (written === undefined) throw new Error("the catalogue record was neither written nor kept");
  return written;
}

/** @param pause - null resumes. @param service - null = of all. @returns what it takes the place of. */
export async function writePause(
  context: ControllerContext,
  service: string | null,
  pause: Pause | null,
  signal: AbortSignal,
): Promise<Pause | null> {
  const path = service === null ? storePaths.controller.pause : storePaths.pause(service);
  let before: Pause | null = null;
  await updateRecord(
    context,
    path,
    pauseRecordFormat,
    (record) => {
      before = activePause(record, wallMs(context));
      return record === undefined && pause === null ? undefined : { ...(record ?? { v: 1 as const }), pause };
    },
    signal,
  );
  return before;
}

/** Names of all services in the catalogue or with a lease, in order. */
export async function listServices({ store }: ControllerContext, signal: AbortSignal): Promise<readonly string[]> {
  return [...(await store.list(storePaths.services(), { timeoutMs: CALL_MS, signal }))].sort();
}
