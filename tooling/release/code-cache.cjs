// @ts-check
/**
 * `NODE code-cache.cjs BUNDLE CACHE`: writes V8's code cache for a bundle. Run it with the very binary and the very flags
 * that will use the cache, or V8 rejects it.
 */
const { readFileSync, writeFileSync } = require("node:fs");
const { createRequire } = require("node:module");
const { basename, dirname, resolve } = require("node:path");
const vm = require("node:vm");

const [bundle = "", cache = ""] = process.argv.slice(2).map((path) => resolve(path));
// The same wrapper as in apps/holdfast/src/embedded.ts.
const source = `(function (exports, require, module, __filename, __dirname) {${readFileSync(bundle, "latin1")}\n})`;
const script = new vm.Script(source, { filename: basename(bundle) });
const module_ = { exports: {} };
// Loading it compiles what every start needs; a cache taken after that holds those functions too.
script.runInThisContext()(module_.exports, createRequire(bundle), module_, bundle, dirname(bundle));
writeFileSync(cache, script.createCachedData());
