import type { AppVolume } from "../definition.js";
import { type AppView, type Found, found } from "./view.js";

/** Where the data is, and whether it is there again after the next start. */
export function volumeRules(view: AppView): readonly Found[] {
  const { app, volumes, resident, written } = view;
  const problems = volumes.flatMap((volume, index) => oneVolume(view, volume, `/container/volumes/${index}`));
  const { residency } = written;
  if (residency !== undefined && residency !== null) {
    problems.push(found(resident ? "MARATHON_RESIDENCY_NO_EFFECT" : "MARATHON_RESIDENCY_WITHOUT_VOLUME", "/residency"));
  }
  const roles = app.acceptedResourceRoles;
  if (resident && roles !== undefined && !(roles.length === 1 && roles[0] === "*")) {
    problems.push(found("MARATHON_RESIDENT_ROLES_REFUSED", "/acceptedResourceRoles"));
  }
  if (view.wrapper === null) problems.push(...dataRules(view));
  return problems;
}

function oneVolume(view: AppView, volume: AppVolume, pointer: string): Found[] {
  const problems: Found[] = [];
  if (volume.persistent !== undefined) {
    const wrong = persistentProblem(volume);
    if (wrong !== null) problems.push(found("MARATHON_VOLUME_REFUSED", pointer, wrong));
    const { containerPath } = volume;
    const mapped =
      view.volumes.some(({ hostPath }) => hostPath !== undefined && hostPath === containerPath) || namesSandbox(view);
    // `DOCKER` is also what Marathon takes when the type is left out.
    if ((view.app.container?.type ?? "DOCKER") === "DOCKER" && !mapped) {
      problems.push(found("MARATHON_VOLUME_NOT_MAPPED", pointer));
    }
  }
  if (volume.external !== undefined) problems.push(...externalRules(view, volume.external, pointer));
  return problems;
}

/** An image that is told where the sandbox is finds the volume there. */
function namesSandbox({ app }: AppView): boolean {
  return /MESOS_SANDBOX|\/mnt\/mesos\/sandbox/.test(JSON.stringify([app.cmd, app.args, app.env]));
}

function persistentProblem({ containerPath = "", mode, persistent }: AppVolume): string | null {
  const { type, size = 0, maxSize, constraints = [] } = persistent ?? {};
  if (containerPath === "" || containerPath.includes("/") || containerPath === "." || containerPath === "..") {
    return "containerPath is not one path segment";
  }
  if (mode !== "RW") return "mode is not RW";
  if (size <= 0) return "size is not above 0";
  if (maxSize !== undefined && (type !== "mount" || maxSize <= size)) return "maxSize does not fit type and size";
  if (constraints.length > 0 && (type ?? "root") === "root") return "type root takes no constraints";
  const other = constraints.some(([field, operator]) => field !== "path" || operator !== "LIKE");
  return other ? "a constraint is not [path, LIKE, …]" : null;
}

function externalRules(
  { app, instances }: AppView,
  { provider, name, size, options = {} }: NonNullable<AppVolume["external"]>,
  pointer: string,
): readonly Found[] {
  const docker = (app.container?.type ?? "DOCKER") === "DOCKER";
  const wrong =
    (provider !== "dvdi" && provider !== "csi") ||
    name === undefined ||
    name === "" ||
    (provider === "dvdi" &&
      (options["dvdi/driver"] === undefined || Object.keys(options).some((key) => !/^[^/]+\/./.test(key)))) ||
    (provider === "dvdi" && (instances > 1 || (docker && size !== undefined)));
  if (wrong) return [found("MARATHON_EXTERNAL_REFUSED", `${pointer}/external`)];
  return docker && provider === "dvdi" ? [found("MARATHON_EXTERNAL_DEFAULT_SIZE", `${pointer}/external`)] : [];
}

/** The wrapper checks its volume at each start; without it, nobody does. */
function dataRules({ app, volumes, resident, external }: AppView): readonly Found[] {
  if (resident || external) return [];
  const writable = volumes.findIndex(({ hostPath, mode }) => hostPath?.startsWith("/") === true && mode !== "RO");
  if (writable < 0) return [found("MARATHON_DATA_IN_SANDBOX", "/container/volumes")];
  const pinned = (app.constraints ?? []).some(
    ([, operator, value]) =>
      operator === "IS" || operator === "LIKE" || (operator === "CLUSTER" && (value ?? "") !== ""),
  );
  return pinned ? [] : [found("MARATHON_DATA_NOT_PINNED", `/container/volumes/${writable}`)];
}
