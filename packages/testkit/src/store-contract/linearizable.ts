import { type StoreVersion, sameVersion } from "@holdfast/core";
import type { RecordedOperation } from "./history.js";

/** The register that a record is meant to be: absent, or one value under one version. */
interface State {
  readonly version: StoreVersion;
  readonly value: string;
}
type Register = State | undefined;

/**
 * Whether what several processes did to one record could have happened one operation at a time, each at some moment
 * between its beginning and its end (Herlihy and Wing). Complete search with memory of what was tried (Wing and Gong;
 * Lowe), so only for short histories.
 * @returns the operations in such an order, or null when there is none.
 */
export function linearize(history: readonly RecordedOperation[]): readonly RecordedOperation[] | null {
  const order: RecordedOperation[] = [];
  const failed = new Set<string>();
  const done = new Set<number>();

  const search = (register: Register): boolean => {
    if (history.every((operation, index) => done.has(index) || mayNeverHappen(operation))) return true;
    const key = `${[...done].sort((a, b) => a - b).join(",")}|${keyOf(register)}`;
    if (failed.has(key)) return false;
    let earliestEndMs = Number.POSITIVE_INFINITY;
    for (const [index, operation] of history.entries()) {
      if (!done.has(index)) earliestEndMs = Math.min(earliestEndMs, endOf(operation));
    }
    for (const [index, operation] of history.entries()) {
      if (done.has(index) || operation.startMs > earliestEndMs) continue;
      for (const next of effects(register, operation, history)) {
        done.add(index);
        order.push(operation);
        if (search(next.register)) return true;
        order.pop();
        done.delete(index);
      }
    }
    failed.add(key);
    return false;
  };

  return search(undefined) ? order : null;
}

const isUnknown = (operation: RecordedOperation) => "result" in operation && operation.result.kind === "unknown";
const mayNeverHappen = isUnknown;
/** What nobody was told about may happen at any later time. */
const endOf = (operation: RecordedOperation) => (isUnknown(operation) ? Number.POSITIVE_INFINITY : operation.endMs);
const keyOf = (register: Register) =>
  register === undefined ? "-" : `${register.version.created} ${register.version.number} ${register.value}`;

/** The registers that an operation with this outcome may leave behind; none when the outcome was impossible. */
function effects(
  register: Register,
  operation: RecordedOperation,
  history: readonly RecordedOperation[],
): readonly { readonly register: Register }[] {
  const unchanged = [{ register }];
  if (operation.op === "get") {
    const { found } = operation;
    if (found === null || register === undefined) return found === null && register === undefined ? unchanged : [];
    return sameVersion(found.version, register.version) && found.value === register.value ? unchanged : [];
  }
  if (operation.result.kind === "unreachable") return unchanged;
  switch (operation.op) {
    case "create":
      return effectsOfCreate(register, operation, history);
    case "put":
      return effectsOfPut(register, operation);
    case "delete":
      return effectsOfDelete(register, operation);
  }
}

type Of<Op extends RecordedOperation["op"]> = Extract<RecordedOperation, { readonly op: Op }>;

function effectsOfCreate(
  register: Register,
  { result, value }: Of<"create">,
  history: readonly RecordedOperation[],
): readonly { register: Register }[] {
  if (result.kind === "exists") return register === undefined ? [] : [{ register }];
  if (register !== undefined) return [];
  if (result.kind === "done") return [{ register: { version: result.version, value } }];
  return result.kind === "unknown" ? [{ register: { version: versionSeenWith(value, history), value } }] : [];
}

/** Nobody told the creator its version; whoever read the value knows it. */
function versionSeenWith(value: string, history: readonly RecordedOperation[]): StoreVersion {
  for (const operation of history) {
    if (operation.op === "get" && operation.found?.value === value) return operation.found.version;
  }
  return { created: `never seen: ${value}`, number: 0 };
}

function effectsOfPut(register: Register, { result, value, expected }: Of<"put">): readonly { register: Register }[] {
  const matches = register !== undefined && sameVersion(register.version, expected);
  switch (result.kind) {
    case "missing":
      return register === undefined ? [{ register }] : [];
    case "conflict":
      return register !== undefined && !matches ? [{ register }] : [];
    case "done": {
      const { version } = result;
      const follows = version.created === expected.created && version.number > expected.number;
      return matches && follows ? [{ register: { version, value } }] : [];
    }
    case "unknown":
      return matches
        ? [{ register: { version: { created: expected.created, number: expected.number + 1 }, value } }]
        : [];
    default:
      return [];
  }
}

function effectsOfDelete(register: Register, { result, expected }: Of<"delete">): readonly { register: Register }[] {
  const matches = register !== undefined && sameVersion(register.version, expected);
  switch (result.kind) {
    case "done":
      return register === undefined || matches ? [{ register: undefined }] : [];
    case "conflict":
      return register !== undefined && !matches ? [{ register }] : [];
    case "unknown":
      return matches ? [{ register: undefined }] : [];
    default:
      return [];
  }
}
