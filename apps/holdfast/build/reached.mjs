// @ts-check

/**
 * Fails when a bundle contains a package that it must not, and shows the imports that lead there.
 *
 * @param {import("esbuild").Metafile} metafile
 * @param {string} bundle - Path of the output as the metafile names it.
 * @param {readonly string[]} packages - npm names.
 */
export function assertNotReached(metafile, bundle, packages) {
  const output = metafile.outputs[bundle];
  if (output?.entryPoint === undefined) throw new Error(`${bundle} is not a bundle of this build.`);
  for (const name of packages) {
    const unwanted = Object.entries(output.inputs).find(
      ([input, { bytesInOutput }]) => bytesInOutput > 0 && input.includes(`/node_modules/${name}/`),
    );
    if (unwanted === undefined) continue;
    const chain = importChain(metafile, output.entryPoint, unwanted[0]);
    throw new Error(`${bundle} contains the package ${name}, through:\n  ${chain.join("\n  → ")}`);
  }
}

/**
 * The shortest chain of imports between two modules.
 *
 * @param {import("esbuild").Metafile} metafile
 * @param {string} from
 * @param {string} to
 * @returns {string[]}
 */
function importChain(metafile, from, to) {
  /** @type {Map<string, string | undefined>} */
  const importerOf = new Map([[from, undefined]]);
  for (const module of importerOf.keys()) {
    for (const { path } of metafile.inputs[module]?.imports ?? []) {
      if (!importerOf.has(path)) importerOf.set(path, module);
    }
  }
  const chain = [];
  for (let at = /** @type {string | undefined} */ (to); at !== undefined; at = importerOf.get(at)) chain.unshift(at);
  return chain;
}
