import { existsSync } from "node:fs";
import { arch } from "node:process";
import { namespacesUnavailable } from "../../agents/network.js";
import { guestKernel } from "./kernel.js";

const TOOLS: readonly (readonly [tool: string, debianPackage: string])[] = [
  ["qemu-system-x86_64", "qemu-system-x86"],
  ["busybox", "busybox-static"],
  ["modprobe", "kmod"],
  ["depmod", "kmod"],
  ["cpio", "cpio"],
  ["dpkg", "dpkg"],
  ["apt-get", "apt"],
];

/** What keeps virtual machines from working here, in words; undefined when nothing does. */
export function guestsUnavailable(): string | undefined {
  if (arch !== "x64") return `guests are made for x64, and this is ${arch}`;
  if (!existsSync("/dev/net/tun")) return "no /dev/net/tun";
  const missing = TOOLS.filter(([tool]) => !isInstalled(tool)).map(([, debianPackage]) => debianPackage);
  if (missing.length > 0) return `not installed: ${[...new Set(missing)].join(", ")}`;
  if (guestKernel() === undefined) return "no kernel for guests: downloadGuestKernel() gets one (setup.mjs --for vm)";
  return namespacesUnavailable();
}

export function isInstalled(tool: string): boolean {
  return ["/usr/local/sbin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"].some((at) => existsSync(`${at}/${tool}`));
}
