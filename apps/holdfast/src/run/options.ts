/**
 * The flags of `holdfast run`, as data: parsing, checking and the help text all come from here. Plain `parseArgs`
 * of Node underneath, because the guard's start time and memory are part of the promise.
 */
export interface FlagSpec {
  readonly name: string;
  /** One letter. */
  readonly short?: string;
  readonly kind: "text" | "ms" | "switch" | "optional-duration";
  readonly placeholder?: string;
  readonly group: "What" | "Lease" | "Volume" | "Storage" | "Process" | "Store access" | "Reporting";
  readonly help: string;
  /** Between the values of a flag that may be given several times; without it the second one is refused. */
  readonly joinedBy?: string;
}

export const RUN_FLAGS = [
  {
    name: "file",
    short: "f",
    kind: "text",
    placeholder: "FILE",
    group: "What",
    help: "Service file: service, lease, storage, and the command where the engine is `process`. The flags of the lease and a command after `--` win.",
  },
  {
    name: "service",
    kind: "text",
    placeholder: "NAME",
    group: "What",
    help: "Service whose lease is taken. Required without a service file.",
  },
  {
    name: "store",
    kind: "text",
    placeholder: "URL",
    group: "What",
    help: "zookeeper://h1:2181,h2:2181/chroot, zookeeper+tls://…, or dir:///path for one machine. Required. Default: $HOLDFAST_STORE.",
  },
  {
    name: "agent",
    kind: "text",
    placeholder: "ID",
    group: "What",
    help: "This machine as the orchestrator knows it. Default: $MESOS_AGENT_ID, $HOST or the host name.",
  },
  {
    name: "wait",
    kind: "optional-duration",
    placeholder: "60s",
    group: "What",
    help: "Wait while another run holds the lease; with a limit, exit 79 when it is reached. Without --wait: exit 75 at once.",
  },
  {
    name: "first-run",
    kind: "switch",
    group: "What",
    help: "This service never ran: do not wait a lease on a record that had to be created. Ignored once there is a history.",
  },

  {
    name: "lease-ms",
    kind: "ms",
    placeholder: "30000",
    group: "Lease",
    help: "How long a grant lasts without renewal.",
  },
  {
    name: "renew-ms",
    kind: "ms",
    placeholder: "3000",
    group: "Lease",
    help: "Time between renewals; at most a quarter of the lease. Default: a tenth of the lease.",
  },
  {
    name: "stop-budget-ms",
    kind: "ms",
    placeholder: "10000",
    group: "Lease",
    help: "From the stop signal to the last process gone. Default: a third of the lease.",
  },
  {
    name: "margin-ms",
    kind: "ms",
    placeholder: "4500",
    group: "Lease",
    help: "Reserve for kill, cut and clock rate error. Default: 15 % of the lease, at least what the clocks need.",
  },
  {
    name: "guard-ms",
    kind: "ms",
    placeholder: "500",
    group: "Lease",
    help: "What a candidate waits beyond the lease.",
  },
  {
    name: "lease-ms-max",
    kind: "ms",
    placeholder: "MS",
    group: "Lease",
    help: "Largest lease this service ever had; waited when its record is gone. Default: --lease-ms.",
  },

  {
    name: "volume",
    kind: "text",
    placeholder: "PATH",
    group: "Volume",
    help: "Marked volume to guard (see `holdfast volume init`). Without it only the process is guarded.",
  },
  {
    name: "volume-must-be-mounted",
    kind: "switch",
    group: "Volume",
    help: "Refuse when nothing is mounted at PATH itself.",
  },
  {
    name: "volume-check-ms",
    kind: "ms",
    placeholder: "5000",
    group: "Volume",
    help: "Time between write, fsync and read-back probes.",
  },
  {
    name: "volume-timeout-ms",
    kind: "ms",
    placeholder: "5000",
    group: "Volume",
    help: "A probe that takes longer ends the run with code 81.",
  },
  {
    name: "claim-wait-ms",
    kind: "ms",
    placeholder: "MS",
    group: "Volume",
    help: "How long to wait for a claim that another process still holds. Default: for ever with --wait, else 0.",
  },
  {
    name: "attach-timeout-ms",
    kind: "ms",
    placeholder: "300000",
    group: "Volume",
    help: "How long to wait for a fence receipt that an earlier run made necessary; then exit 83.",
  },

  {
    name: "strategy",
    kind: "text",
    placeholder: "TYPE",
    group: "Storage",
    help: "Storage strategy that brings the volume to --volume PATH, in place of a service file: local-pin, shared-fs, distributed-fs, nbd, or a plugin's.",
  },
  {
    name: "strategy-options",
    kind: "text",
    placeholder: "FILE",
    group: "Storage",
    help: "YAML or JSON file with the strategy's options.",
  },
  {
    name: "plugin",
    kind: "text",
    placeholder: "PACKAGE@VERSION",
    group: "Storage",
    joinedBy: ",",
    help: "Plugin that provides --strategy, in exactly this version; several with commas, or the flag again.",
  },
  {
    name: "plugin-dir",
    kind: "text",
    placeholder: "DIR",
    group: "Storage",
    joinedBy: ":",
    help: "npm prefix in which plugins are installed; several with colons, or the flag again.",
  },
  {
    name: "initialise",
    kind: "switch",
    group: "Storage",
    help: "The command prepares the volume: it is neither verified nor claimed before. What `holdfast volume init -f` uses.",
  },
  {
    name: "format",
    kind: "switch",
    group: "Storage",
    help: "With --initialise: put an empty file system on a blank device.",
  },

  { name: "user", kind: "text", placeholder: "NAME[:GROUP]", group: "Process", help: "Run the command as this user." },
  { name: "stop-signal", kind: "text", placeholder: "SIGTERM", group: "Process", help: "Sent for a clean stop." },
  {
    name: "kill-grace-ms",
    kind: "ms",
    placeholder: "MS",
    group: "Process",
    help: "The scheduler's own grace before SIGKILL, to warn when the stop does not fit.",
  },
  { name: "tree", kind: "text", placeholder: "auto", group: "Process", help: "auto, pid-namespace or subreaper." },
  { name: "init", kind: "text", placeholder: "auto", group: "Process", help: "auto, native or util-linux." },
  {
    name: "policy",
    kind: "text",
    placeholder: "start-kill",
    group: "Process",
    help: "start-kill, or promote-demote (replication: --promote and --demote are then required).",
  },
  {
    name: "promote",
    kind: "text",
    placeholder: "COMMAND",
    group: "Process",
    help: "Command that makes the running application the primary; a program and arguments, no shell.",
  },
  {
    name: "demote",
    kind: "text",
    placeholder: "COMMAND",
    group: "Process",
    help: "Command that makes it a replica again; killed at the deadline if it does not succeed.",
  },

  {
    name: "store-auth-file",
    kind: "text",
    placeholder: "FILE",
    group: "Store access",
    help: "File with user:password for ZooKeeper's digest authentication (mode 600).",
  },
  {
    name: "store-ca",
    kind: "text",
    placeholder: "FILE",
    group: "Store access",
    help: "CA certificate for zookeeper+tls.",
  },
  { name: "store-cert", kind: "text", placeholder: "FILE", group: "Store access", help: "Client certificate." },
  {
    name: "store-key",
    kind: "text",
    placeholder: "FILE",
    group: "Store access",
    help: "Key of the client certificate.",
  },
  {
    name: "store-server-name",
    kind: "text",
    placeholder: "NAME",
    group: "Store access",
    help: "Name to expect in the server's certificate, when it is not the host's.",
  },

  {
    name: "report",
    kind: "text",
    placeholder: "FILE",
    group: "Reporting",
    help: "Write at the end whose exit code it was, and why. Default: holdfast-report.json in $MESOS_SANDBOX, if set.",
  },
  {
    name: "status-socket",
    kind: "text",
    placeholder: "PATH",
    group: "Reporting",
    help: "Unix socket that `holdfast health` asks.",
  },
  { name: "log-format", kind: "text", placeholder: "text", group: "Reporting", help: "text or json, on stderr." },
  { name: "help", kind: "switch", group: "Reporting", help: "This text." },
] as const satisfies readonly FlagSpec[];

export type FlagName = (typeof RUN_FLAGS)[number]["name"];
