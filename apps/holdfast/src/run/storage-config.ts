import type { GuardConfig, GuardStorage } from "@holdfast/supervisor";
import { DEFAULT_VOLUME_TIMEOUT_MS } from "@holdfast/supervisor";
import type { ResolvedService, StorageSpec } from "../storage/spec.js";
import type { RunArguments } from "./parse.js";
import { pluginDirectories } from "./resolve-storage.js";

/** What the guard is told of the volumes. Pure. */
export function guardStorage(
  args: Pick<RunArguments, "isSet">,
  resolved: ResolvedService,
  serve: GuardStorage["serve"],
  cutProgram: GuardStorage["cutProgram"],
): GuardStorage {
  const { description, mounts, cut, cutMsMax, claimFenceMs } = resolved;
  const initialise = args.isSet("initialise");
  return { description, mounts, cut, cutMsMax, claimFenceMs, initialise, serve, cutProgram };
}

/** What the storage process works from. Pure. */
export function storageSpec(
  args: RunArguments,
  config: GuardConfig,
  resolved: ResolvedService,
  initPath: string,
): StorageSpec {
  return {
    service: config.service,
    agent: config.agent,
    store: config.store,
    credentials: config.credentials,
    leaseMs: config.timing.leaseMs,
    attachTimeoutMs: config.attachTimeoutMs,
    controllerSide: resolved.controllerSide,
    pluginDirs: pluginDirectories(args),
    plugins: resolved.plugins,
    volumes: resolved.volumes,
    volumeTimeoutMs: config.volume?.timeoutMs ?? DEFAULT_VOLUME_TIMEOUT_MS,
    initialise: args.isSet("initialise"),
    format: args.isSet("format"),
    initPath,
  };
}
