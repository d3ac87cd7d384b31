import { canonicalJson } from "@holdfast/core";
import { pointerPart } from "../pointer.js";
import { isObject, isResident, normalForm, volumesOf } from "./normal-form.js";

type Definition = Readonly<Record<string, unknown>>;

export interface AppChange {
  readonly pointer: string;
  /** Undefined = not there. Both are canonical JSON, cut to what a line can show. */
  readonly before: string | undefined;
  readonly after: string | undefined;
}

/**
 * What Marathon does with the next definition.
 * - `none`: nothing; a deployment that is empty.
 * - `create`, `start`: nothing ran before. `stop`: instances become 0.
 * - `scale`: only the number of instances differs; what runs goes on.
 * - `restart`: every task is replaced; a database stops and starts.
 * - `refused`: Marathon answers 422, also with force.
 */
export type AppEffect = "none" | "create" | "start" | "stop" | "scale" | "restart" | "refused";

export interface AppDiff {
  readonly effect: AppEffect;
  readonly why: string;
  readonly changes: readonly AppChange[];
}

/** What may not change while there is a persistent volume (AppDefinition.residentUpdateIsValid). */
const FIXED_WHEN_RESIDENT = ["cpus", "mem", "disk", "gpus", "requirePorts"];

/**
 * Pure: what applying `next` would do to what `previous` runs. `previous` may have been read back from Marathon: defaults
 * that it filled in and what it only reports are no change.
 * @param previous - null = there is no such app.
 */
export function diffApp(previous: Definition | null, next: Definition): AppDiff {
  if (previous === null) return { effect: "create", why: "there is no such app yet", changes: [] };
  const before = normalForm(withoutServersOwn(previous, next));
  const after = normalForm(next);
  const changes = differences(before, after, "");
  if (changes.length === 0) return { effect: "none", why: "the definitions are equal", changes };
  const refused = whyRefused(before, after);
  if (refused !== null) return { effect: "refused", why: refused, changes };
  const others = changes.filter(({ pointer }) => pointer !== "/instances");
  if (before.instances === 0 && after.instances === 0) {
    return { effect: "none", why: "nothing runs, and nothing is to run", changes };
  }
  if (after.instances === 0) return { effect: "stop", why: "instances become 0", changes };
  if (before.instances === 0) return { effect: "start", why: "nothing runs now", changes };
  if (others.length === 0) return { effect: "scale", why: "only instances differ; what runs goes on", changes };
  const fields = [...new Set(others.map(({ pointer }) => `/${pointer.split("/")[1] ?? ""}`))].join(", ");
  return {
    effect: "restart",
    why: `Marathon restarts the task for any change but that of instances; here ${fields}`,
    changes,
  };
}

/**
 * What Marathon fills in by rules that only it knows: the role from `--mesos_role` or the group, its roles for offers, what
 * the executor takes. Where the next definition is silent, no value of these is a change.
 */
const SERVERS_OWN = ["role", "acceptedResourceRoles", "executorResources"];

function withoutServersOwn(previous: Definition, next: Definition): Definition {
  const silent = new Set(SERVERS_OWN.filter((field) => next[field] === undefined || next[field] === null));
  return Object.fromEntries(Object.entries(previous).filter(([field]) => !silent.has(field)));
}

function whyRefused(before: Definition, after: Definition): string | null {
  const was = isResident(before);
  if (!was && !isResident(after)) return null;
  if (!equal(persistentOf(before), persistentOf(after))) {
    return "persistent volumes cannot be changed, added or removed: a new app and a copy of the data are needed";
  }
  const field = FIXED_WHEN_RESIDENT.find((name) => !equal(before[name], after[name]));
  if (field !== undefined) {
    return `with a persistent volume ${field} cannot change: a new app and a copy of the data are needed`;
  }
  return equal(hostPorts(before), hostPorts(after)) ? null : "with a persistent volume host ports cannot change";
}

function persistentOf(fields: Definition): readonly unknown[] {
  return volumesOf(fields).filter((volume) => isObject(volume) && isObject(volume.persistent));
}

function hostPorts({ portDefinitions, requirePorts, container }: Definition): unknown {
  const mapped = isObject(container) ? container.portMappings : undefined;
  return [requirePorts === true ? portDefinitions : null, mapped ?? null];
}

function equal(a: unknown, b: unknown): boolean {
  return canonicalJson(a ?? null) === canonicalJson(b ?? null);
}

function differences(before: unknown, after: unknown, pointer: string): readonly AppChange[] {
  if (equal(before, after)) return [];
  if (isObject(before) && isObject(after)) {
    const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort();
    return keys.flatMap((key) => differences(before[key], after[key], `${pointer}/${pointerPart(key)}`));
  }
  if (Array.isArray(before) && Array.isArray(after) && before.length === after.length) {
    return before.flatMap((item, index) => differences(item, after[index], `${pointer}/${index}`));
  }
  return [{ pointer, before: shown(before, pointer), after: shown(after, pointer) }];
}

const SHOWN_LENGTH_MAX = 200;

/** Values of the environment are not shown: a foreign definition may have secrets there. */
function shown(value: unknown, pointer: string): string | undefined {
  if (value === undefined || value === null) return undefined;
  if (pointer === "/env" || pointer.startsWith("/env/")) return "(not shown)";
  const text = canonicalJson(value);
  return text.length > SHOWN_LENGTH_MAX ? `${text.slice(0, SHOWN_LENGTH_MAX)}…` : text;
}
