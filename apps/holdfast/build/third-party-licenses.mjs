// @ts-check
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/**
 * The licences of all packages that ended up in a bundle. Theirs is that the text goes with every copy.
 *
 * @param {import("esbuild").Metafile} metafile
 * @param {string} root - Directory that the metafile's paths are relative to.
 * @returns {string}
 */
export function thirdPartyLicenses(metafile, root) {
  const directories = new Set();
  for (const output of Object.values(metafile.outputs)) {
    for (const [input, { bytesInOutput }] of Object.entries(output.inputs)) {
      const directory = /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+/.exec(input)?.[0];
      if (bytesInOutput > 0 && directory !== undefined) directories.add(join(root, directory));
    }
  }
  return [...directories]
    .sort()
    .map(licenseOf)
    .join(`\n${"-".repeat(80)}\n\n`);
}

/** @param {string} directory */
function licenseOf(directory) {
  const { name, version, license, author } = JSON.parse(readFileSync(join(directory, "package.json"), "utf8"));
  const file = readdirSync(directory).find((entry) => /^licen[cs]e/i.test(entry));
  const text =
    file !== undefined
      ? readFileSync(join(directory, file), "utf8").trim()
      : `Licence: ${license}. Author: ${typeof author === "string" ? author : (author?.name ?? "not named")}.`;
  return `${name} ${version}\n\n${text}\n`;
}
