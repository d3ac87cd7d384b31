/** One NFS file system that this kernel has, mounted anywhere or only held by a process that hangs in it. */
export interface NfsSuperblock {
  /** `major:minor` as in mountinfo. */
  readonly device: string;
  /** Address in hexadecimal and port, which the two tables share. */
  readonly server: string;
}

/** Pure: /proc/net/nfsfs/volumes: `v4 0a5317c9 801 0:35 FSID FSC`. One network namespace, all mount namespaces. */
export function parseSuperblocks(text: string): NfsSuperblock[] {
  return rows(text).map(([, address = "", port = "", device = ""]) => ({ device, server: `${address}:${port}` }));
}

/** Pure: /proc/net/nfsfs/servers: `v4 0a5317c9 801 1 HOSTNAME`; the servers that were mounted under that name. */
export function serversNamed(text: string, host: string): string[] {
  return rows(text)
    .filter(([, , , , name]) => name === host)
    .map(([, address = "", port = ""]) => `${address}:${port}`);
}

function rows(text: string): string[][] {
  return text
    .split("\n")
    .filter((line) => /^v\d/.test(line))
    .map((line) => line.trim().split(/\s+/));
}
