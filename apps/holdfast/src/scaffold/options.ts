import { HoldfastError } from "@holdfast/core";

export interface ScaffoldOptions {
  /** Type of the strategy, as service files will name it. */
  readonly type: string;
  /** npm name of the package. */
  readonly packageName: string;
  /** Version of this Holdfast and of the packages beside it. */
  readonly version: string;
}

const TYPE = /^[a-z][a-z0-9]*(-[a-z0-9]+)*$/;
const PACKAGE = /^(@[a-z0-9-][a-z0-9-._]*\/)?[a-z0-9-][a-z0-9-._]*$/;

/** Pure. @throws `USAGE`. */
export function scaffoldOptions(type: string, packageName: string | undefined, version: string): ScaffoldOptions {
  if (!TYPE.test(type)) {
    throw new HoldfastError("USAGE", `"${type}" is no name for a strategy.`, {
      hint: "Use lower-case letters, digits and inner dashes, as in san-lun: it stands in service files, logs and metrics.",
    });
  }
  const name = packageName ?? `holdfast-storage-${type}`;
  if (!PACKAGE.test(name)) {
    throw new HoldfastError("USAGE", `"${name}" is not the name of an npm package.`, {
      hint: "For example holdfast-storage-san, or @example/holdfast-storage-san.",
    });
  }
  return { type, packageName: name, version };
}

/** `san-lun` → `SanLun`. */
export function pascalCase(type: string): string {
  return type.replace(/(?:^|-)([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}
