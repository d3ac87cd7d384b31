import type { SharedFsOptions } from "../options.js";

/** Why an option must not be given, in words for the one who gave it; null = it may. nfs(5) is the source. */
export function unsafeMountOption(option: string): string | null {
  const [name = ""] = option.split("=", 1);
  switch (name) {
    case "soft":
    case "softerr":
      return "a soft mount tells the application of an error and may have lost data that it does not know of; the mount is hard";
    case "softreval":
      return "softreval goes on serving cached files of a server that is gone, so that a check would not see it";
    case "nolock":
    case "lock":
    case "local_lock":
      return "where locks live is decided by the type: at the server for nfs4, on the agent for nfs3";
    case "sharecache":
    case "nosharecache":
      return "each volume has a cache of its own, so that options and unwritten data of another mount do not become its own";
    case "bg":
    case "retry":
      return "a mount that goes on in the background would be there when nobody holds a lease any more";
    case "ro":
    case "noauto":
    case "remount":
    case "bind":
      return "the volume is mounted once and writable";
    case "vers":
    case "nfsvers":
    case "minorversion":
    case "v3":
    case "v4":
    case "port":
    case "proto":
    case "hard":
    case "sync":
    case "async":
      return "is set by the options of this strategy";
    default:
      return null;
  }
}

/** Later ones win in mount(8), so that an operator may change the times. */
export function nfsMountOptions(options: SharedFsOptions): string[] {
  const times = ["timeo=50", "retrans=2"].filter(
    (option) => !options.mountOptions.some((given) => given.split("=", 1)[0] === option.split("=", 1)[0]),
  );
  return [
    options.type === "nfs3" ? "vers=3" : `vers=${options.version}`,
    "proto=tcp",
    ...(options.port === 2_049 ? [] : [`port=${options.port}`]),
    "hard",
    ...times,
    "retry=0",
    "nosharecache",
    options.type === "nfs3" ? "nolock" : "local_lock=none",
    ...(options.syncWrites ? ["sync"] : []),
    "nosuid",
    "nodev",
    ...options.mountOptions,
  ];
}

/** argv of mount(8). */
export function mountCommand(options: SharedFsOptions, mountPath: string): readonly [string, ...string[]] {
  const type = options.type === "nfs3" ? "nfs" : "nfs4";
  return ["mount", "-t", type, "-o", nfsMountOptions(options).join(","), options.source, mountPath];
}
