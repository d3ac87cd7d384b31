import {
  amountsOf,
  type CleanPlan,
  type ClusterView,
  type ReservationEntry,
  type ReservationOwner,
} from "@holdfast/storage-mesos-volume";

/** Pure: reservations as people read them, by agent, with what they are for. */
export function reservationLines(entries: readonly ReservationEntry[]): string[] {
  if (entries.length === 0) return ["Nothing is dynamically reserved on the agents that the master knows."];
  return entries.flatMap((entry) => [
    `${entry.hostname}  ${entry.state.padEnd(8)}  ${entry.role}  ${amountsOf(entry.resources)}`,
    `  for ${ownerText(entry.owner)}, by ${entry.principal ?? "no principal"}: ${entry.why}`,
    ...entry.volumes.map(({ id, sizeMb }) => `  volume ${id}, ${sizeMb} MB`),
  ]);
}

function ownerText(owner: ReservationOwner): string {
  switch (owner.kind) {
    case "holdfast":
      return `service ${owner.service} (${owner.role})`;
    case "marathon":
      return `Marathon ${owner.frameworkId}, ${owner.instance || "no instance named"}`;
    case "unknown":
      return "somebody whose labels are not known";
    default:
      return owner satisfies never;
  }
}

/** Pure: who may reserve, and how much; and what this look could not see. */
export function clusterLines({ roles, quota, frameworks, recovering }: ClusterView): string[] {
  const named = new Map(frameworks.map(({ framework_info }) => [framework_info.id, framework_info.name]));
  const quotas = new Map(quota.configs.map(({ role, guarantees, limits }) => [role, { guarantees, limits }]));
  const amounts = (by: Readonly<Record<string, { value: number }>>) =>
    Object.entries(by)
      .map(([name, { value }]) => `${name} ${value}`)
      .sort()
      .join(", ");
  const known = new Set(roles.map(({ name }) => name));
  const without = [...quotas.keys()].filter((name) => !known.has(name)).map((name) => ({ name, frameworks: [] }));
  const lines = [...roles, ...without].map(({ name, frameworks: ids }) => {
    const of = quotas.get(name);
    const limits = of === undefined ? "" : amounts(of.limits);
    const guarantees = of === undefined ? "" : amounts(of.guarantees);
    const users = ids.map((id) => named.get(id) ?? id).join(", ");
    return [
      `role ${name}: ${users === "" ? "no framework" : users}`,
      limits === "" ? "no quota limit" : `at most ${limits}`,
      ...(guarantees === "" ? [] : [`guaranteed ${guarantees}`]),
    ].join("; ");
  });
  if (recovering.length === 0) return lines.sort();
  return [...lines.sort(), `Not seen, because the master still waits for them: ${recovering.join(", ")}.`];
}

/** Pure: what a person confirms. */
export function planLines({ steps, token }: CleanPlan): string[] {
  if (steps.length === 0) return ["Nothing is orphaned, and nothing would be cleaned."];
  const volumes = steps.flatMap((step) => step.volumes);
  return [
    ...steps.flatMap(({ hostname, role, amounts, why, volumes: lost }) => [
      `${hostname}: give back ${amounts} of role ${role}: ${why}`,
      ...lost.map(({ id, sizeMb }) => `  DESTROYS volume ${id} (${sizeMb} MB) and its data`),
    ]),
    volumes.length === 0
      ? "No data is deleted."
      : `The data of ${volumes.length} volume(s) is deleted at once, for good.`,
    `To do exactly this, give the same flags to: holdfast volume reservations clean --token ${token}`,
  ];
}
