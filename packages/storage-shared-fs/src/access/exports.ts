import { isIP } from "node:net";
import { exportClient } from "../addresses.js";

/** Pure: lines of exports(5), one for each address. */
export function exportRules(path: string, options: readonly string[], addresses: readonly string[]): string {
  return addresses.map((address) => `${path} ${exportClient(address)}(${options.join(",")})\n`).join("");
}

export interface ExportEntry {
  readonly path: string;
  readonly client: string;
  readonly options: readonly string[];
}

/** Pure: what `exportfs -s` prints: one path and client per line. */
export function parseExports(text: string): ExportEntry[] {
  return text.split("\n").flatMap((line) => {
    const match = /^(\S+)\s+(\S+?)\(([^)]*)\)\s*$/.exec(line);
    if (match === null) return [];
    const [, path = "", client = "", options = ""] = match;
    return [{ path, client, options: options.split(",") }];
  });
}

/**
 * Pure: the entries of a path that would let an address in. A network, a wildcard or a name may: only an address of its
 * own is known not to be another's.
 */
export function admitting(entries: readonly ExportEntry[], path: string, address: string): ExportEntry[] {
  return entries.filter((entry) => entry.path === path && mayBe(entry.client, address));
}

function mayBe(client: string, address: string): boolean {
  const bare = client.replace(/^\[|\]$/g, "");
  if (isIP(bare) !== 0) return bare === address;
  const [network = "", bits] = bare.split("/");
  if (isIP(network) === 4 && isIP(address) === 4 && bits !== undefined) return inNetwork(network, bits, address);
  return true;
}

function inNetwork(network: string, bits: string, address: string): boolean {
  const number = (text: string) => text.split(".").reduce((value, part) => value * 256 + Number(part), 0);
  const length = isIP(bits) === 4 ? 32 - Math.log2(2 ** 32 - number(bits)) : Number(bits);
  const size = 2 ** (32 - length);
  return Math.floor(number(network) / size) === Math.floor(number(address) / size);
}
