/** Label that names the service of an app. An app without it is foreign: Holdfast reads it and leaves it alone. */
export const OWNER_LABEL = "HOLDFAST_SERVICE";

/** Pure: the id of a service's app. */
export function appIdOf(service: string, group = "/"): string {
  return `${trimmed(group)}/${service}`;
}

/** Pure: the service whose app has this id; null when the id is not one that {@link appIdOf} gives for the group. */
export function serviceOf(appId: string, group = "/"): string | null {
  const prefix = `${trimmed(group)}/`;
  const name = appId.startsWith(prefix) ? appId.slice(prefix.length) : "";
  return name === "" || name.includes("/") ? null : name;
}

function trimmed(group: string): string {
  return group.replace(/\/+$/, "");
}
