/** An app definition inside a document, with the pointer that leads there. */
export interface FoundApp {
  readonly pointer: string;
  readonly definition: unknown;
}

/**
 * Pure: the app definitions in a document as Marathon or a person writes it: one app, a list, `{"app": …}`,
 * `{"apps": […]}`, or a group with groups inside. Empty when it is none of these.
 */
export function appsIn(document: unknown, pointer = ""): readonly FoundApp[] {
  if (Array.isArray(document)) return document.flatMap((item, index) => appsIn(item, `${pointer}/${index}`));
  if (!isObject(document)) return [];
  const { app, apps, groups } = document;
  if (Array.isArray(apps) || Array.isArray(groups)) {
    return [...appsIn(apps, `${pointer}/apps`), ...appsIn(groups, `${pointer}/groups`)];
  }
  if (isObject(app) && typeof document.id !== "string") return appsIn(app, `${pointer}/app`);
  return looksLikeApp(document) ? [{ pointer, definition: document }] : [];
}

/** By what only an app has: pods, tasks, deployments and events have ids as well. */
const APP_FIELDS = ["cmd", "args", "container", "instances", "cpus", "mem", "upgradeStrategy"];

function looksLikeApp(document: Record<string, unknown>): boolean {
  return typeof document.id === "string" && APP_FIELDS.some((field) => field in document);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
