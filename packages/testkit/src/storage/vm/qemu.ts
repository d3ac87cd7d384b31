import type { GuestImage } from "./image.js";

export interface MachineOptions {
  readonly image: GuestImage;
  readonly name: string;
  readonly address: string;
  readonly mac: string;
  /** On the bridge of the tests; made by the machine, and gone with it. */
  readonly tap: string;
  /** Of this machine's loopback, forwarded to the guest's agent. */
  readonly controlPort: number;
  readonly memoryMiB: number;
  /** Raw images; `/dev/vda` and so on. */
  readonly disks: readonly string[];
  /** Seen by the guest under the same path, writable on both sides. */
  readonly share: string;
  readonly console: string;
  readonly node: string;
  readonly agent: string;
}

/** Pure. Translated code (TCG), because not every machine that runs tests can run guests by hardware. */
export function machineArguments(options: MachineOptions): string[] {
  const { image, disks, share } = options;
  const append = {
    console: "ttyS0",
    "net.ifnames": "0",
    mitigations: "off",
    guest: options.name,
    ip: options.address,
    share,
    node: options.node,
    agent: options.agent,
  };
  const words = Object.entries(append).map(([name, value]) => `${name}=${value}`);
  const nine = (tag: string, path: string, flags: string) => [
    "-fsdev",
    `local,id=${tag},path=${path},security_model=none,multidevs=remap${flags}`,
    "-device",
    `virtio-9p-pci,fsdev=${tag},mount_tag=${tag}`,
  ];
  return [
    ...["-accel", "tcg", "-cpu", "max", "-smp", "1", "-m", String(options.memoryMiB)],
    ...["-nodefaults", "-display", "none", "-no-reboot", "-serial", `file:${options.console}`],
    ...["-kernel", image.kernel, "-initrd", image.initrd, "-append", ["quiet", ...words].join(" ")],
    ...["-netdev", `tap,id=n0,ifname=${options.tap},script=no,downscript=no`],
    ...["-device", `virtio-net-pci,netdev=n0,mac=${options.mac}`],
    ...["-netdev", `user,id=n1,ipv6=off,restrict=on,hostfwd=tcp:127.0.0.1:${options.controlPort}-10.0.2.15:7000`],
    ...["-device", "virtio-net-pci,netdev=n1", "-device", "virtio-rng-pci"],
    ...nine("root", "/", ",readonly=on"),
    ...nine("modules", image.modules, ",readonly=on"),
    ...nine("share", share, ""),
    ...disks.flatMap((file) => ["-drive", `file=${file},if=virtio,format=raw,cache=writeback`]),
  ];
}
