// @ts-check
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const repository = join(dirname(fileURLToPath(import.meta.url)), "../..");

/**
 * Files below a folder, as paths from the root of the repository, without what is built or installed.
 *
 * @param {string} folder
 * @param {RegExp} name
 * @returns {string[]}
 */
export function filesBelow(folder, name, root = repository) {
  if (!existsSync(join(root, folder))) return [];
  return readdirSync(join(root, folder), { withFileTypes: true })
    .flatMap((entry) => {
      const path = `${folder}/${entry.name}`;
      if (entry.isDirectory()) return /^(node_modules|dist|\..*)$/.test(entry.name) ? [] : filesBelow(path, name, root);
      return name.test(entry.name) ? [path] : [];
    })
    .sort();
}

/**
 * The packages of the workspace.
 *
 * @param {readonly string[]} groups
 */
export function manifestsIn(groups, root = repository) {
  return groups.flatMap((group) =>
    readdirSync(join(root, group))
      .map((name) => `${group}/${name}/package.json`)
      .filter((path) => existsSync(join(root, path)))
      .map((path) => ({ path, content: JSON.parse(readFileSync(join(root, path), "utf8")) })),
  );
}
