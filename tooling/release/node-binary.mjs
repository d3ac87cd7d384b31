// @ts-check
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const cache = join(dirname(fileURLToPath(import.meta.url)), "../../node_modules/.cache/holdfast");

/**
 * Node as an ordinary npm package, fetched here and not as a dependency, because every install would grow by 150 MB.
 * The digests pin the archives themselves.
 *
 * @type {Readonly<Record<string, Record<string, string>>>}
 */
const ARCHIVES = {
  "24.21.0": {
    x64: "sha512-3nULszZ5X0fciYpG0t6TrdApJzAn8+FlINP6OiMX7V8HrvpATPN936U1LlReOJriLRa4e8yEqQBYCnLyPNAs7Q==",
    arm64: "sha512-FpJRPEz2OvvTLfjIOlNGFY9JLPMKgl5m+d4oGYBLg24kJ1mmvN1Zl/HPJgF4HDaJ51ISev1l1cRZ/DM+keXW5g==",
  },
  "26.10.0": {
    x64: "sha512-OmAztarr1gK4PD+sNyoku4N5Q40d8eqMuLjNa/zRvxF33aCsVKVIQLs4V5HYPWSWWlMiTdkmbZE/6Phigma0hw==",
    arm64: "sha512-idArV/cmqW9M9ODyGlbOIiyxFourDh1mJB0SdKCdMbSZjjef9CLEN3o1/eE4yf+B0+5BD+F74MpTTHiB3XXTBQ==",
  },
  "20.19.0": {
    x64: "sha512-HzVYgEgabV/n3nP2F9mcxS0Nxgg99jynX9CMovakLmSYTuTdQRbbtw0yadY8+qKcqXfiDAtb2hmtR7nDPzclGA==",
    arm64: "sha512-kT7jX7frbsrMrXMsBaFt3Th1SWs5VjxTzd0U8vxcmdCFkaqeu5hFK0+QoYfIo5drmr3DmwJfLtO2gnD/7hNE/Q==",
  },
};

export const nodeVersions = {
  /** What `engines` promises. */
  oldest: "20.19.0",
  /**
   * What the executable is made of: the newest release in the npm registry that is LTS. (26.10.0, the newest of the line
   * that follows, still calls itself current, and it needs libatomic.so.1, which most database images do not have: an
   * executable made of it would not start there.)
   */
  lts: "24.21.0",
  newest: "26.10.0",
};

/**
 * Fetches a Node once.
 *
 * @param {string} version
 * @returns {{ binary: string, license: string }} paths
 */
export function fetchNode(version) {
  const integrity = ARCHIVES[version]?.[process.arch];
  if (process.platform !== "linux" || integrity === undefined) {
    throw new Error(`Node ${version} for ${process.platform}-${process.arch} is not among the pinned archives.`);
  }
  const name = `node-linux-${process.arch}`;
  const directory = join(cache, `${name}-${version}`);
  const found = { binary: join(directory, "bin/node"), license: join(directory, "LICENSE") };
  if (existsSync(found.binary) && existsSync(found.license)) return found;

  mkdirSync(cache, { recursive: true });
  const temporary = mkdtempSync(join(cache, "fetch-"));
  try {
    console.log(`fetching ${name}@${version} (about 50 MB)`);
    const packed = execFileSync("npm", ["pack", `${name}@${version}`, "--silent", "--pack-destination", temporary], {
      encoding: "utf8",
      cwd: temporary,
      stdio: ["ignore", "pipe", "inherit"],
    });
    const archive = join(temporary, packed.trim().split("\n").at(-1) ?? "");
    assertIntegrity(archive, integrity);
    execFileSync("tar", ["xzf", archive, "-C", temporary, "package/bin/node", "package/LICENSE"]);
    chmodSync(join(temporary, "package/bin/node"), 0o755);
    rmSync(directory, { recursive: true, force: true });
    renameSync(join(temporary, "package"), directory);
    return found;
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
}

/**
 * The executable runs as root on database machines, so the archive must be the one that was looked at, whatever the
 * registry says today.
 *
 * @param {string} archive
 * @param {string} expected - As in a lock file: the algorithm and the digest in base64.
 */
function assertIntegrity(archive, expected) {
  const actual = `sha512-${createHash("sha512").update(readFileSync(archive)).digest("base64")}`;
  if (actual !== expected) throw new Error(`${archive} is not the expected one: ${actual} instead of ${expected}`);
}
