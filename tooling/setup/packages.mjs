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
    for: ["demo", "test", "faults", "bench"],
    reason: "the database of the demo and of most tests",
    command: "redis-server",
  },
  {
    name: "iproute2",
    for: ["demo", "test", "faults", "bench"],
    reason: "agents as network namespaces, and cutting them off",
    command: "ip",
  },
  {
    name: "nftables",
    for: ["demo", "test", "faults", "bench"],
    reason: "partitions, also one-way ones, between namespaces",
    command: "nft",
  },
  {
    name: "util-linux",
    for: ["demo", "test", "faults", "bench"],
    reason: "nsenter, unshare, setpriv: entering namespaces, and the fallback for the native init",
    command: "nsenter",
  },
  // Not the package `zookeeper`: it adds only a start script, and pulls in a desktop Java.
  {
    name: "libzookeeper-java",
    for: ["demo+zookeeper", "test", "faults", "bench"],
    reason: "the real coordination store, alone and as an ensemble",
    files: ["/usr/share/java/zookeeper.jar"],
  },
  {
    name: "default-jre-headless",
    for: ["demo+zookeeper", "test", "faults", "bench"],
    reason: "runs ZooKeeper",
    command: "java",
  },
  {
    name: "openssl",
    for: ["test", "faults"],
    reason: "certificates for the tests of ZooKeeper over TLS",
    command: "openssl",
  },
  { name: "mariadb-server", for: ["demo+mariadb"], reason: "the demo's other database", command: "mariadbd" },
  {
    name: "postgresql",
    for: ["demo+postgresql"],
    reason: "the demo's other database",
    files: [15, 16, 17, 18].map((major) => `/usr/lib/postgresql/${major}/bin/postgres`),
  },
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
