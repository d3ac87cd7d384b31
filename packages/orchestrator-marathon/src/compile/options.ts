import type { EngineCommand, Service } from "@holdfast/core";
import type { PlacedVolume } from "./volumes.js";

/** A file that agents have at a path, or that Mesos fetches into the sandbox. */
export type Delivery = { readonly path: string } | { readonly uri: string };

/** Files on the agents for access to the coordination store; none of their content is ever in a definition. */
export interface StoreAccess {
  readonly authFile?: string;
  readonly caFile?: string;
  readonly certFile?: string;
  readonly keyFile?: string;
  readonly serverName?: string;
}

export interface CompileOptions {
  /** The executable. A URI names one version for ever: the fetch cache goes by it. */
  readonly executable: Delivery;
  /**
   * The service file, which a run reads for lease, storage and command. In a URI, `{{service}}` and `{{digest}}` are
   * filled in; `{{digest}}` must be there, because the fetch cache goes by the address.
   */
  readonly serviceFile: Delivery;
  /** URL of the coordination store, without credentials. */
  readonly store: string;
  readonly storeAccess?: StoreAccess;
  /** Pure: the service's volumes as their strategies describe them; see `placedVolume`. */
  readonly volumes: (service: Service) => readonly PlacedVolume[];
  /** Pure: the command of an engine other than `process`. */
  readonly command?: (service: Service) => EngineCommand;
  /** Pure: the engine's longest plausible crash recovery, milliseconds. Default: half an hour. */
  readonly recoveryMs?: (service: Service) => number;
  /** Group that the app ids begin with. Default: `/`. */
  readonly group?: string;
  /** npm prefixes of plugins on the agents. */
  readonly pluginDirs?: readonly string[];
  /** User that the task runs as; root where a strategy mounts. Default: Marathon's own. */
  readonly user?: string;
  /** Docker image in which it runs, under the Mesos containerizer. Default: none, the agent's own file system. */
  readonly image?: string;
  /** Space for executable, log and report. Default: 512. */
  readonly sandboxMiB?: number;
}
