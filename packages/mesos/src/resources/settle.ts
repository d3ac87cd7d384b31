import { amountOf, identityOf, type MesosResource, type PersistentVolume, thousandths, volumesOf } from "./resource.js";

/**
 * What became of a change to one agent, from its `total_resources` before it was sent and now. Mesos gives such a change no
 * id and no answer about its end, and none of them may be repeated: a second RESERVE adds the amount again. So this is
 * asked after each of them, also after a 202, which says only that the master passed it on.
 */
export type ResourceVerdict =
  | { readonly kind: "applied" }
  /** As before. Not yet applied, or never: look again for as long as the agent may need. */
  | { readonly kind: "not-applied" }
  /** Neither: somebody else changed the same amount. Labels that nobody else uses keep amounts apart. */
  | { readonly kind: "unclear"; readonly identities: readonly string[] };

type Resources = readonly MesosResource[];

/** After RESERVE_RESOURCES. Pure. */
export function judgeReserve(before: Resources, wanted: Resources, now: Resources): ResourceVerdict {
  return judgeAmounts(before, wanted, now, 1);
}

/** After UNRESERVE_RESOURCES. Pure. */
export function judgeUnreserve(before: Resources, removed: Resources, now: Resources): ResourceVerdict {
  return judgeAmounts(before, removed, now, -1);
}

/** After CREATE_VOLUMES. A volume is told by its id, wherever and on whatever disk it is. Pure. */
export function judgeCreate(wanted: Resources, now: Resources): ResourceVerdict {
  const present = new Set(volumesOf(now).map(volumeKey));
  return verdict(
    volumesOf(wanted).map((volume) => {
      const done = present.has(volumeKey(volume));
      return { resource: volume.resource, done, undone: !done };
    }),
  );
}

/** After DESTROY_VOLUMES. Pure. */
export function judgeDestroy(removed: Resources, now: Resources): ResourceVerdict {
  const present = new Set(volumesOf(now).map(volumeKey));
  return verdict(
    volumesOf(removed).map((volume) => {
      const undone = present.has(volumeKey(volume));
      return { resource: volume.resource, done: !undone, undone };
    }),
  );
}

/** Mesos keeps ids unique per role and agent. */
function volumeKey({ role, id }: PersistentVolume): string {
  return JSON.stringify([role, id]);
}

function judgeAmounts(before: Resources, change: Resources, now: Resources, sign: 1 | -1): ResourceVerdict {
  // Parts of one amount are changed together.
  const sums = new Map<string, { resource: MesosResource; amount: number }>();
  for (const resource of change) {
    const sum = sums.get(identityOf(resource));
    sums.set(identityOf(resource), { resource, amount: (sum?.amount ?? 0) + thousandths(resource) });
  }
  return verdict(
    [...sums.values()].map(({ resource, amount }) => {
      const [was, is] = [amountOf(before, resource), amountOf(now, resource)];
      return { resource, done: is === was + sign * amount, undone: is === was };
    }),
  );
}

interface Part {
  readonly resource: MesosResource;
  readonly done: boolean;
  readonly undone: boolean;
}

function verdict(parts: readonly Part[]): ResourceVerdict {
  if (parts.every(({ done }) => done)) return { kind: "applied" };
  if (parts.every(({ undone }) => undone)) return { kind: "not-applied" };
  return { kind: "unclear", identities: parts.filter(({ done }) => !done).map(({ resource }) => identityOf(resource)) };
}
