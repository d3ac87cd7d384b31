// @ts-check

/**
 * Every system package that anything here uses, with the reason. `holdfast run` itself needs none of them.
 *
 * A package counts as present when what is used of it is there, wherever it came from: `command` on the PATH, or one of
 * `files`. Names are Debian's.
 *
 * @typedef {object} SystemPackage
 * @property {string} name
 * @property {readonly string[]} for - Purposes as in `setup.mjs --for`; `demo+zookeeper` only with that option.
 * @property {string} reason
 * @property {string} [command]
 * @property {readonly string[]} [files]
 */

/** @type {readonly SystemPackage[]} */
export const systemPackages = [
  {
    name: "redis-server",
    for: ["demo", "test", "faults", "bench", "storage", "vm"],
    reason: "the database of the demo and of most tests",
    command: "redis-server",
  },
  {
    name: "iproute2",
    for: ["demo", "test", "faults", "bench", "storage", "vm"],
    reason: "agents as network namespaces, and cutting them off",
    command: "ip",
  },
  {
    name: "nftables",
    for: ["demo", "test", "faults", "bench", "storage", "vm"],
    reason: "partitions, also one-way ones, between namespaces",
    command: "nft",
  },
  {
    name: "util-linux",
    for: ["demo", "test", "faults", "bench", "storage", "vm"],
    reason: "nsenter, unshare, setpriv: entering namespaces, and the fallback for the native init",
    command: "nsenter",
  },
  // Not the package `zookeeper`: it adds only a start script, and pulls in a desktop Java.
  {
    name: "libzookeeper-java",
    for: ["demo+zookeeper", "test", "faults", "bench", "storage"],
    reason: "the real coordination store, alone and as an ensemble",
    files: ["/usr/share/java/zookeeper.jar"],
  },
  {
    name: "default-jre-headless",
    for: ["demo+zookeeper", "test", "faults", "bench", "storage"],
    reason: "runs ZooKeeper",
    command: "java",
  },
  {
    name: "openssl",
    for: ["test", "faults"],
    reason: "certificates for the tests of ZooKeeper over TLS",
    command: "openssl",
  },
  {
    name: "mariadb-server",
    for: ["demo+mariadb", "storage"],
    reason: "the demo's other database",
    command: "mariadbd",
  },
  {
    name: "postgresql",
    for: ["demo+postgresql"],
    reason: "the demo's other database",
    files: [15, 16, 17, 18].map((major) => `/usr/lib/postgresql/${major}/bin/postgres`),
  },
  { name: "nbdkit", for: ["storage"], reason: "a network block device server", command: "nbdkit" },
  { name: "nbd-server", for: ["storage"], reason: "a network block device server", command: "nbd-server" },
  { name: "libnbd-bin", for: ["storage"], reason: "nbdfuse: network block devices in user space", command: "nbdfuse" },
  { name: "qemu-utils", for: ["storage"], reason: "qemu-nbd: a network block device server", command: "qemu-nbd" },
  { name: "fuse3", for: ["storage"], reason: "mounting in user space", command: "fusermount3" },
  { name: "e2fsprogs", for: ["storage", "vm"], reason: "makes, checks and repairs ext4", command: "mkfs.ext4" },
  { name: "xfsprogs", for: ["storage"], reason: "makes, checks and repairs xfs", command: "mkfs.xfs" },
  { name: "glusterfs-server", for: ["storage"], reason: "a replicated file system", command: "glusterd" },
  { name: "glusterfs-client", for: ["storage"], reason: "mounts it", command: "glusterfs" },
  { name: "moosefs-master", for: ["storage"], reason: "a distributed file system: its master", command: "mfsmaster" },
  { name: "moosefs-chunkserver", for: ["storage"], reason: "and what keeps its data", command: "mfschunkserver" },
  { name: "moosefs-client", for: ["storage"], reason: "mounts it", command: "mfsmount" },
  { name: "moosefs-cli", for: ["storage"], reason: "asks it for sessions and locks", command: "mfscli" },
  { name: "ceph-mon", for: ["storage"], reason: "CephFS: the monitor", command: "ceph-mon" },
  { name: "ceph-mgr", for: ["storage"], reason: "CephFS: the manager", command: "ceph-mgr" },
  { name: "ceph-osd", for: ["storage"], reason: "CephFS: keeps the data", command: "ceph-osd" },
  { name: "ceph-mds", for: ["storage"], reason: "CephFS: the metadata server", command: "ceph-mds" },
  { name: "ceph-fuse", for: ["storage"], reason: "mounts it", command: "ceph-fuse" },
  { name: "nfs-ganesha", for: ["vm"], reason: "an NFS server in user space", command: "ganesha.nfsd" },
  {
    name: "nfs-ganesha-vfs",
    for: ["vm"],
    reason: "lets it export a directory",
    files: ["/usr/lib/x86_64-linux-gnu/ganesha/libfsalvfs.so"],
  },
  { name: "nfs-kernel-server", for: ["vm"], reason: "the kernel's NFS server, run in a guest", command: "rpc.nfsd" },
  { name: "nfs-common", for: ["vm"], reason: "mounts NFS, in a guest", command: "mount.nfs" },
  { name: "qemu-system-x86", for: ["vm"], reason: "guests with a kernel that has NFS", command: "qemu-system-x86_64" },
  { name: "busybox-static", for: ["vm"], reason: "the guests' first process", command: "busybox" },
  { name: "kmod", for: ["vm"], reason: "finds the modules the guests need", command: "modprobe" },
  { name: "cpio", for: ["vm"], reason: "packs the guests' first file system", command: "cpio" },
  { name: "openssh-server", for: ["storage", "vm"], reason: "a server that is administered over ssh", command: "sshd" },
  { name: "openssh-client", for: ["storage", "vm"], reason: "reaches it", command: "ssh" },
  { name: "spin", for: ["model"], reason: "checks the model of the lease", command: "spin" },
  { name: "gcc", for: ["model"], reason: "compiles the verifiers that spin writes", command: "gcc" },
  { name: "libc6-dev", for: ["model"], reason: "headers for those verifiers", files: ["/usr/include/stdio.h"] },
  { name: "python3-kazoo", for: ["bench"], reason: "compared with", files: ["/usr/lib/python3/dist-packages/kazoo"] },
  { name: "etcd-server", for: ["bench"], reason: "compared with", command: "etcd" },
  { name: "etcd-client", for: ["bench"], reason: "compared with", command: "etcdctl" },
];

/**
 * Installed only when the native init must be built and no compiler that is there can do it: the smallest that can.
 *
 * @type {readonly SystemPackage[]}
 */
export const nativeBuildPackages = [
  { name: "gcc", for: [], reason: "compiles the native init", command: "gcc" },
  { name: "musl-tools", for: [], reason: "the small static libc for the native init", command: "musl-gcc" },
];
