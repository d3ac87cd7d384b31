import { LEASE_SECONDS } from "./server.js";

/** Where the server's disk is mounted, and on it what is exported and what the server remembers of its clients. */
export const DISK = "/srv/nfs";
export const EXPORTED = `${DISK}/export`;

const PREPARE = `
mkdir -p ${DISK} && mount /dev/vda ${DISK}
mkdir -p ${EXPORTED} ${DISK}/state/v4recovery ${DISK}/exports.d ${DISK}/volumes
`;

/** The guest's own root cannot be exported, as it is a layer over 9p: hence \`rootdir\`. */
export const KERNEL_SETUP = `${PREPARE}
mkdir -p /etc/exports.d /etc/nfs.conf.d /var/lib/nfs
mount --bind ${DISK}/state /var/lib/nfs
mount --bind ${DISK}/exports.d /etc/exports.d
: > /etc/exports
printf '[exports]\\nrootdir=${EXPORTED}\\n' > /etc/nfs.conf.d/holdfast.conf
modprobe nfsd
mountpoint -q /proc/fs/nfsd || mount -t nfsd nfsd /proc/fs/nfsd
echo ${LEASE_SECONDS} > /proc/fs/nfsd/nfsv4leasetime
echo ${LEASE_SECONDS} > /proc/fs/nfsd/nfsv4gracetime
rpcbind
exportfs -ra
rpc.nfsd 4
rpc.mountd
`;

const GANESHA_CONFIG = `${DISK}/ganesha.conf`;
export const GANESHA_LOG = "/run/ganesha.log";
export const GANESHA_PID = "/run/ganesha.pid";

/** Without D-Bus, as it runs in most containers. */
export const GANESHA_SETUP = `${PREPARE}
touch ${GANESHA_CONFIG}.includes
cat > ${GANESHA_CONFIG}.base <<'END'
NFS_CORE_PARAM { NFS_Protocols = 4; Enable_NLM = false; Enable_RQUOTA = false; }
NFSv4 {
  Lease_Lifetime = ${LEASE_SECONDS};
  Grace_Period = ${LEASE_SECONDS};
  RecoveryBackend = fs;
  RecoveryRoot = ${DISK}/state;
  Minor_Versions = 1, 2;
}
LOG { Default_Log_Level = EVENT; }
END
cat ${GANESHA_CONFIG}.base ${GANESHA_CONFIG}.includes > ${GANESHA_CONFIG}
setsid ganesha.nfsd -F -f ${GANESHA_CONFIG} -L ${GANESHA_LOG} -p ${GANESHA_PID} < /dev/null > /run/ganesha.out 2>&1 &
`;

/** A file that is there and empty, included from now on. */
export function includeScript(file: string): string {
  return `: > ${file}
echo '%include "${file}"' >> ${GANESHA_CONFIG}.includes
cat ${GANESHA_CONFIG}.base ${GANESHA_CONFIG}.includes > ${GANESHA_CONFIG}
sync -f ${file}`;
}

export function waitForPort(port: number, log: string): string {
  return `
for i in $(seq 120); do ss -Hltn 'sport = :${port}' | grep -q . && exit 0; sleep 0.5; done
tail ${log} >&2; exit 1`;
}
