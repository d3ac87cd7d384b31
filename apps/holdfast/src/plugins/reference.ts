import { HoldfastError, type PluginReference } from "@holdfast/core";

/** Names as npm has them; also what keeps a name from leading out of `node_modules`. */
const PACKAGE_NAME = /^(?:@[a-z0-9-][a-z0-9-._]*\/)?[a-z0-9-][a-z0-9-._]*$/;
/** Semantic Versioning 2.0.0 without build metadata, which npm drops. */
const EXACT_VERSION = /^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z.-]+)?$/;

/** Pure: `name@1.2.3` or `@scope/name@1.2.3`, as a flag gives it. @throws `INVALID_SPEC`. */
export function parsePluginReference(text: string): PluginReference {
  const at = text.lastIndexOf("@");
  const reference =
    at > 0 ? { package: text.slice(0, at), version: text.slice(at + 1) } : { package: text, version: "" };
  checkPluginReference(reference);
  return reference;
}

/** Pure. @throws `INVALID_SPEC`: no npm name, or a range where an exact version must stand. */
export function checkPluginReference({ package: name, version }: PluginReference): void {
  if (!PACKAGE_NAME.test(name)) {
    throw new HoldfastError("INVALID_SPEC", `"${name}" is not the name of an npm package.`, {
      hint: "Write the name as it stands in the plugin's package.json, for example @example/holdfast-storage-san.",
    });
  }
  if (!EXACT_VERSION.test(version)) {
    throw new HoldfastError("INVALID_SPEC", `"${version}" is not an exact version of plugin ${name}.`, {
      hint: "Write one like 1.4.2; with a range, a restart could change the code.",
    });
  }
}
