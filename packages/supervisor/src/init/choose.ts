import { accessSync, constants } from "node:fs";
import { join } from "node:path";
import { nativeVolumeTools } from "@holdfast/effects";
import type { GuardConfig } from "../guard/config.js";
import type { GuardDeps } from "../guard/deps.js";
import type { KeeperListener, KeeperOptions, TreeKeeper } from "./keeper.js";
import { startNativeInit } from "./native.js";
import { startUtilLinux, UTIL_LINUX_PROGRAMS } from "./util-linux.js";

type Choice = Pick<GuardConfig, "init"> & KeeperOptions;

/**
 * The native init where it can be executed, util-linux where it cannot and the configuration allows it. What cannot be
 * had at all is reported as a keeper that closed before it came up.
 */
export function startKeeper(
  config: Choice,
  deps: Pick<GuardDeps, "initPath" | "logger">,
  listener: KeeperListener,
): TreeKeeper {
  let why = "there is no native init in this installation";
  if (config.init !== "util-linux" && deps.initPath !== null) {
    const started = startNativeInit(deps.initPath, config, listener);
    if (started.kind === "started") return started.keeper;
    why = `${deps.initPath} cannot be executed`;
    void started.why.then((detail) => deps.logger.log("warn", `${deps.initPath}: ${detail}`));
  }
  if (config.init === "native") return neverUp(listener, why);
  if (config.join != null || config.piped === true)
    return neverUp(listener, `${why}, and util-linux cannot keep volumes`);
  if (config.tree === "subreaper") return neverUp(listener, `${why}, and util-linux cannot make a subreaper tree`);
  const missing = UTIL_LINUX_PROGRAMS.filter((program) => !isInPath(program));
  if (missing.length > 0) return neverUp(listener, `${why}, and of util-linux there is no ${missing.join(", ")}`);
  if (config.init === "auto") deps.logger.log("warn", `${why}; util-linux takes its place and does less`);
  return startUtilLinux(config, listener);
}

function isInPath(program: string): boolean {
  return (process.env.PATH ?? "/usr/bin:/bin").split(":").some((directory) => {
    try {
      accessSync(join(directory, program), constants.X_OK);
      return true;
    } catch {
      return false; // not in this directory; the next one may have it
    }
  });
}

function neverUp(listener: KeeperListener, why: string): TreeKeeper {
  setImmediate(() => listener.onClosed(why));
  return {
    keeper: "native",
    tools: nativeVolumeTools("holdfast-init"),
    channel: null,
    send: () => undefined,
    hurry: () => undefined,
    dispose: () => undefined,
  };
}
