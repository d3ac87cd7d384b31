import { join } from "node:path";
import { command } from "../../agents/command.js";
import type { AgentNetwork } from "../../agents/network.js";
import { type Guest, startGuest } from "../vm/index.js";
import { LEASE_SECONDS, type NfsServer } from "./server.js";
import { createSshSetup } from "./ssh.js";

const NUMBER = 201;
const DISK_BYTES = 512 * 1024 * 1024;

/**
 * The kernel's server needs a kernel that has one: a guest. Its disk carries what is exported and what the server
 * remembers of its clients, so that both survive a kill. The guest's own root cannot be exported, hence `rootdir`.
 */
export async function startKernelServer(
  network: AgentNetwork,
  directory: string,
): Promise<NfsServer & { guest: Guest }> {
  const disk = join(directory, "nfs.img");
  await command(["truncate", "-s", String(DISK_BYTES), disk]);
  await command(["mkfs.ext4", "-q", "-F", disk]);
  const address = `${network.prefix}.${NUMBER}`;
  const ssh = await createSshSetup(join(directory, "nfs-ssh"), address);
  const guest = await startGuest({ network, number: NUMBER, name: "nfs", share: directory, disks: [disk] });
  const boot = async () => void (await guest.shell(setup(ssh.server.join(" ")), { timeoutMs: 120_000 }));
  try {
    await boot();
    const version = await guest.shell("echo $(uname -r) nfsd, $(dpkg-query --show nfs-kernel-server | tr '\\t' ' ')");
    return {
      guest,
      kind: "kernel",
      version: `Linux ${version.trim()}`,
      address,
      control: ssh.target,
      shell: (script) => guest.shell(script),
      place: (name) => ({
        source: `${address}:/${name}`,
        directory: `/srv/nfs/export/${name}`,
        exportPath: `/${name}`,
      }),
      options: async () => ({}),
      hang: () => guest.pause(),
      async resume() {
        guest.resume();
      },
      kill: () => guest.kill(),
      async start() {
        await guest.boot();
        await boot();
      },
      close: () => guest.kill(),
    };
  } catch (error) {
    await guest.kill();
    throw error;
  }
}

function setup(sshd: string): string {
  return `
mkdir -p /srv/nfs && mount /dev/vda /srv/nfs
mkdir -p /srv/nfs/export /srv/nfs/state/v4recovery /srv/nfs/exports.d /etc/exports.d /etc/nfs.conf.d /var/lib/nfs
mount --bind /srv/nfs/state /var/lib/nfs
mount --bind /srv/nfs/exports.d /etc/exports.d
: > /etc/exports
printf '[exports]\\nrootdir=/srv/nfs/export\\n' > /etc/nfs.conf.d/holdfast.conf
modprobe nfsd
mountpoint -q /proc/fs/nfsd || mount -t nfsd nfsd /proc/fs/nfsd
echo ${LEASE_SECONDS} > /proc/fs/nfsd/nfsv4leasetime
echo ${LEASE_SECONDS} > /proc/fs/nfsd/nfsv4gracetime
rpcbind
exportfs -ra
rpc.nfsd 4
rpc.mountd
setsid ${sshd} < /dev/null > /run/sshd.log 2>&1 &
for i in $(seq 100); do ss -Hltn 'sport = :22' | grep -q . && exit 0; sleep 0.1; done
cat /run/sshd.log >&2; exit 1
`;
}
