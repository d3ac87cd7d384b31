import { type AppView, type Found, found } from "./view.js";

/** What is reserved, and what a start needs from elsewhere. */
export function resourceRules({ app, written, wrapper, volumes }: AppView): readonly Found[] {
  const problems: Found[] = [];
  if (app.cpus !== undefined && app.cpus < 0.001) problems.push(found("MARATHON_CPUS_REFUSED", "/cpus"));
  if (app.mem === undefined && !("mem" in written)) problems.push(found("MARATHON_MEM_UNSET", "/mem"));
  const fetched = [...(app.fetch ?? []), ...(app.uris ?? [])].length > 0;
  // With a volume for the data and nothing to download, only the log is in the sandbox.
  if ((app.disk ?? 0) === 0 && (fetched || volumes.length === 0)) problems.push(found("MARATHON_DISK_UNSET", "/disk"));
  for (const field of ["resourceLimits", "executorResources"]) {
    if (field in written) problems.push(found("MARATHON_LIMITS_LOST", `/${field}`));
  }
  for (const [index, { cache, destPath, uri, executable }] of (app.fetch ?? []).entries()) {
    if (cache !== true) problems.push(found("MARATHON_FETCH_NOT_CACHED", `/fetch/${index}`));
    const name = destPath ?? uri.split("/").at(-1);
    if (wrapper !== null && name === "holdfast" && executable !== true) {
      problems.push(found("MARATHON_FETCH_NOT_EXECUTABLE", `/fetch/${index}`));
    }
  }
  for (const index of (app.uris ?? []).keys()) problems.push(found("MARATHON_FETCH_NOT_CACHED", `/uris/${index}`));
  return [...problems, ...imageRules(app)];
}

function imageRules({ container }: AppView["app"]): readonly Found[] {
  const { image, forcePullImage } = container?.docker ?? {};
  if (image === undefined) return [];
  const problems: Found[] = [];
  const tag = /:([^:/]+)$/.exec(image.split("@")[0] ?? "")?.[1];
  if (!image.includes("@sha256:") && (tag === undefined || tag === "latest")) {
    problems.push(found("MARATHON_IMAGE_MOVES", "/container/docker/image", image));
  }
  if (forcePullImage === true) problems.push(found("MARATHON_IMAGE_PULLED", "/container/docker/forcePullImage"));
  return problems;
}
