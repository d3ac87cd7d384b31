import { HoldfastError, type Op } from "@holdfast/core";
import { DISTRIBUTED } from "../capabilities.js";
import { agentAddress } from "../common-options.js";
import { control } from "../control.js";
import type { DriverVolume, FileSystemDriver } from "../driver.js";
import type { LustreOptions } from "./options.js";

const EXPERIMENTAL = "Experimental: written from the Lustre manual and tried on no server; never more than lease-only.";

/**
 * Lustre, from its Operations Manual and lctl(8) alone: its client is part of a kernel that the suite does not have. So nothing here is
 * proven, and the grade says so.
 */
export const lustreDriver = {
  type: "lustre",
  capabilities: () => ({
    backend: "lustre",
    ...DISTRIBUTED,
    fences: false,
    // The client is in the kernel and keeps dirty pages of dead processes.
    cut: "after-sync",
    declaredGrade: "lease-only",
    // obd_timeout, 100 s by default: an unreachable client is evicted when it misses a lock callback or stops pinging.
    claimWaitMs: 150_000,
  }),
  proof: () => null,
  explain: (volume) => ({
    statements: [
      EXPERIMENTAL,
      "Without `-o flock` the client refuses flock; `localflock` would keep locks on one agent, so it is not used.",
      "When servers vanish, calls hang until they are back; the client retries without limit.",
      "A dead client is evicted by the servers (obd_timeout, 100 s by default). Eviction discards its unwritten data, and it may then reconnect as a new client; it is no fence, since an old descriptor may write after that.",
    ],
    commands: {
      mount: [["mount", ...mountArguments(volume, volume.mountPath)].join(" ")],
      fence: ["lctl set_param mdt.*.evict_client=nid:NID", "lctl set_param obdfilter.*.evict_client=nid:NID"],
    },
    settings: [
      { name: "timeout", value: "20", why: "obd_timeout in seconds: bounds how long a dead client keeps its locks" },
    ],
  }),
  isMountOf: (options, mount) => mount.fsType === "lustre" && mount.source === source(options),
  client: (volume, place) => ({ kind: "command", program: "mount", args: mountArguments(volume, place.mountPath) }),
  isClient: () => false, // it has no process
  peers: () => [], // its sockets are the kernel's and never orphans

  async observe() {
    return { exists: true, attachments: [], fenced: [], detail: { experimental: true } };
  },
  async attach() {
    // The servers keep no record of who may mount.
  },
  async detach() {
    // Nothing was recorded.
  },
  async fence(_op, _volume, former) {
    throw new HoldfastError("UNFENCEABLE", `An evicted Lustre client (${former.agent}) may connect again.`, {
      hint: "Shut the machine down, or evict it and take its NID out of the nodemap by hand.",
      detail: { agent: former.agent },
    });
  },
  async unfence() {
    // Nothing was fenced.
  },
  async inspect(op, volume) {
    return [
      { code: "LUSTRE_EXPERIMENTAL", severity: "warning", message: EXPERIMENTAL, fix: "Use another file system." },
      ...(await inspectTimeout(op, volume)),
    ];
  },

  async prepare() {
    // mount(8) asks the MGS itself, within the mount's limit.
  },
  async check() {
    const findings = ["Lustre is checked by its own servers (lfsck); nothing is read from here"];
    return { state: "clean", safeToRepair: false, findings, command: null };
  },
} satisfies FileSystemDriver<LustreOptions>;

const OBD_TIMEOUT_S_MAX = 30;

async function inspectTimeout(op: Op, { options }: DriverVolume<LustreOptions>) {
  if (options.control.length === 0) return [];
  const { stdout } = await control(op, options, ["lctl", "get_param", "-n", "timeout"]);
  const timeoutS = Number(stdout.trim());
  if (timeoutS <= OBD_TIMEOUT_S_MAX) return [];
  return [
    {
      code: "LUSTRE_TIMEOUT",
      severity: "warning" as const,
      message: `obd_timeout is ${stdout.trim()} s; a dead client keeps its locks at least that long.`,
      fix: `lctl set_param -P timeout=20 on the MGS; agents known: ${Object.keys(options.agents)
        .map((agent) => agentAddress(options, agent))
        .join(", ")}`,
    },
  ];
}

function source({ servers, fileSystem, subdirectory }: LustreOptions): string {
  return `${servers.join(":")}:/${fileSystem}${subdirectory ?? ""}`;
}

/** mount.lustre(8): `mgsnid[:mgsnid]:/fsname[/subdir]`, flock coherent between all clients. */
function mountArguments({ options }: DriverVolume<LustreOptions>, mountPath: string): string[] {
  return ["-t", "lustre", "-o", "flock", source(options), mountPath];
}
