import { SINGLE_INSTANCE_LABEL } from "../definition.js";
import { type AppView, type Found, found } from "./view.js";

/** How many copies there can be: by number, by deployment, by partition. */
export function copyRules(view: AppView): readonly Found[] {
  return [...instanceRules(view), ...upgradeRules(view), ...unreachableRules(view)];
}

function instanceRules({ app, instances, wrapper }: AppView): readonly Found[] {
  const single = app.labels?.[SINGLE_INSTANCE_LABEL] === "true";
  const { minimumHealthCapacity, maximumOverCapacity } = app.upgradeStrategy ?? {};
  const problems: Found[] = [];
  if (single && (instances > 1 || minimumHealthCapacity !== 0 || maximumOverCapacity !== 0)) {
    problems.push(found("MARATHON_SINGLE_INSTANCE_REFUSED", `/labels/${SINGLE_INSTANCE_LABEL}`));
  }
  if (instances > 1) {
    if (wrapper === null) return [...problems, found("MARATHON_INSTANCES", "/instances", `${instances} instances`)];
    return isWarmStandby(app, instances) ? problems : [...problems, found("MARATHON_IDLE_INSTANCES", "/instances")];
  }
  return single ? problems : [...problems, found("MARATHON_NO_SINGLE_INSTANCE_LABEL", "/labels")];
}

function isWarmStandby({ constraints = [], upgradeStrategy }: AppView["app"], instances: number): boolean {
  const apart = constraints.some(([field, operator]) => /^@?hostname$/.test(field ?? "") && operator === "UNIQUE");
  return instances === 2 && apart && upgradeStrategy?.maximumOverCapacity === 0;
}

/**
 * Marathon keeps `ceil(n × minimumHealthCapacity)` and starts up to `floor(n × (1 + maximumOverCapacity))`. Where the two
 * are equal it could do neither, and then starts one more; only for a resident app it stops one first
 * (TaskReplaceActor.scala).
 */
function upgradeRules({ app, instances, resident, external, wrapper }: AppView): readonly Found[] {
  const { upgradeStrategy } = app;
  const pointer = "/upgradeStrategy";
  const { minimumHealthCapacity: health, maximumOverCapacity: over } =
    upgradeStrategy ??
    (resident || external
      ? { minimumHealthCapacity: 0.5, maximumOverCapacity: 0 }
      : { minimumHealthCapacity: 1, maximumOverCapacity: 1 });
  if (health === undefined || over === undefined) return [found("MARATHON_UPGRADE_INCOMPLETE", pointer)];
  if (over !== 0 && (resident || external))
    return [found("MARATHON_OVER_CAPACITY_REFUSED", `${pointer}/maximumOverCapacity`)];
  const copies = Math.max(instances, 1);
  const most = Math.floor(copies * (1 + over));
  const overlaps = most > copies || (Math.ceil(copies * health) === most && !resident);
  if (!overlaps) return [];
  const seen = `minimumHealthCapacity ${health}, maximumOverCapacity ${over}${upgradeStrategy === undefined ? " (default)" : ""}`;
  const code = wrapper === null ? "MARATHON_UPGRADE_OVERLAP" : "MARATHON_UPGRADE_OVERLAP_WAITS";
  return [found(code, pointer, seen)];
}

function unreachableRules({ app, resident, wrapper }: AppView): readonly Found[] {
  const { unreachableStrategy: strategy, killSelection } = app;
  const problems: Found[] = [];
  const pointer = "/unreachableStrategy";
  const oldest = found("MARATHON_KILLS_OLDEST", "/killSelection");
  if (killSelection === "OLDEST_FIRST") problems.push(oldest);
  if (strategy === "disabled" || (strategy === undefined && resident)) return problems;
  const { inactiveAfterSeconds: inactive = 0, expungeAfterSeconds: expunge = 0 } = strategy ?? {};
  if (resident || inactive > expunge) return [...problems, found("MARATHON_UNREACHABLE_REFUSED", pointer)];
  const seen = `inactiveAfterSeconds ${inactive}, expungeAfterSeconds ${expunge}${strategy === undefined ? " (default)" : ""}`;
  if (wrapper === null) return [...problems, found("MARATHON_UNREACHABLE_REPLACES", pointer, seen)];
  if (inactive > 0) return [...problems, found("MARATHON_UNREACHABLE_SLOW", pointer, seen)];
  return expunge === 0 ? [...problems, found("MARATHON_UNREACHABLE_FORGETS", pointer, seen)] : problems;
}
