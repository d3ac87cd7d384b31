import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import sea from "node:sea";
import { fileURLToPath } from "node:url";
import { debuglog } from "node:util";
import vm from "node:vm";
import { type EmbeddedInit, type InitLocation, locateInitFile, unpackInit } from "./embedded-init.js";

/**
 * Where the parts of the program are. It comes in two forms: as files (`holdfast.cjs` with `lock.cjs` and `cli.cjs`
 * beside it) and as a single executable that carries the same files as assets. Everything else asks here and need not
 * know which form it runs in.
 */

/** Bundles that are loaded only by the process that needs them, so that the guard's start and memory stay small. */
export type BundleName = "lock" | "cli" | "storage" | "controller";

/** What each bundle's entry point exports. */
export interface Bundle {
  /** @param argv - The arguments after the program's own name. */
  main(argv: readonly string[]): Promise<void> | void;
}

/** A command for `child_process.spawn`. */
export interface Command {
  readonly file: string;
  readonly args: readonly string[];
}

// `NODE_DEBUG=holdfast-embedded` says where each part came from; the release build checks by it that V8 accepted the
// code cache, because a rejected one costs only time and would otherwise go unnoticed.
const debug = debuglog("holdfast-embedded");
const bundleFile = fileURLToPath(import.meta.url);

/** Loads a bundle. In the single executable it is compiled from V8's code cache, made at build time by the same binary. */
export function loadBundle(name: BundleName): Bundle {
  if (!sea.isSea()) {
    return createRequire(import.meta.url)(join(dirname(bundleFile), `${name}.cjs`)) as Bundle;
  }
  // The bundles are ASCII (esbuild escapes the rest), so this is a one-byte string and decoding is a copy.
  const script = new vm.Script(wrapBundle(asset(`${name}.cjs`).toString("latin1")), {
    filename: `${name}.cjs`,
    cachedData: asset(`${name}.cache`),
    importModuleDynamically: vm.constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
  });
  debug("%s: code cache %s", name, script.cachedDataRejected === true ? "rejected" : "accepted");
  const module = { exports: {} };
  const run = script.runInThisContext() as (...args: unknown[]) => void;
  run(module.exports, createRequire(process.execPath), module, process.execPath, dirname(process.execPath));
  return module.exports as Bundle;
}

/** Must equal the wrapper in `tooling/release/code-cache.cjs`: V8 accepts a cache only for the very same source. */
function wrapBundle(source: string): string {
  return `(function (exports, require, module, __filename, __dirname) {${source}\n})`;
}

/** This very program with other arguments: the same executable, so that its pages are shared with the guard's. */
export function programCommand(args: readonly string[]): Command {
  return { file: process.execPath, args: sea.isSea() ? args : [join(dirname(bundleFile), "holdfast.cjs"), ...args] };
}

/**
 * Finds the native init. The single executable unpacks its own copy, at most once per version and user.
 * A caller that gets no path falls back to util-linux and tells the operator the reason.
 */
export function locateInit(): InitLocation {
  const location = sea.isSea()
    ? unpackInit(embeddedInit(), { uid: process.geteuid?.() ?? -1, env: process.env })
    : locateInitFile(bundleFile);
  debug("init: %s", location.path ?? location.reason);
  return location;
}

function embeddedInit(): EmbeddedInit {
  return { content: asset("holdfast-init"), digest: sea.getAsset("holdfast-init.sha256", "utf8") };
}

/** The asset itself, not a copy: it lies in the executable's own pages and must not be written to. */
function asset(key: string): Buffer {
  return Buffer.from(sea.getRawAsset(key) as ArrayBuffer);
}
