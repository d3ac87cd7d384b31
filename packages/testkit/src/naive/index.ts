import { fileURLToPath } from "node:url";

export interface NaiveWrapperOptions {
  /** `zookeeper://host:port` or `dir:///path`. */
  readonly store: string;
  readonly service: string;
  /** Session timeout, or the age at which the lock file may be stolen. */
  readonly sessionMs: number;
  readonly command: readonly string[];
}

/** The command line of the control wrapper. `HOLDFAST_DATA_DIR` must be set by the caller. */
export function naiveWrapperCommand(options: NaiveWrapperOptions): string[] {
  const main = fileURLToPath(new URL("./main.js", import.meta.url));
  return [process.execPath, main, options.store, options.service, String(options.sessionMs), ...options.command];
}
