// @ts-check
/**
 * A registry of this repository's own packages, as publishing would make them, so that a documented `npm install` does
 * what it will do for those who read it. Knows nothing of other packages: it is npm's registry for our scope alone.
 */
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { promisify } from "node:util";
import { manifestsIn, repository } from "./tree.mjs";

const PACK_LIMIT_MS = 60_000;
const run = promisify(execFile);

/** @typedef {{ manifest: any, file: string, content: Buffer }} Packed */

/**
 * @returns {Promise<{ url: string, close(): Promise<void> }>}
 */
export async function startLocalRegistry() {
  const work = mkdtempSync(join(tmpdir(), "holdfast-registry-"));
  /** @type {Map<string, Promise<Packed>>} */
  const packed = new Map();
  /** @param {string} name */
  const find = (name) => {
    const found = manifestsIn(["packages", "apps"]).find(({ content }) => content.name === name);
    if (found === undefined) return undefined;
    const known = packed.get(name) ?? pack(dirname(found.path), work);
    packed.set(name, known);
    return known;
  };
  const server = createServer((request, response) => {
    answer(decodeURIComponent(request.url ?? "/").slice(1), find, `http://${request.headers.host}`).then(
      ({ status, type, body }) => response.writeHead(status, { "content-type": type }).end(body),
      (error) => response.writeHead(500, { "content-type": "text/plain" }).end(String(error)),
    );
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(undefined)));
  const { port } = /** @type {import("node:net").AddressInfo} */ (server.address());
  return {
    url: `http://127.0.0.1:${port}/`,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      rmSync(work, { recursive: true, force: true });
    },
  };
}

/**
 * `@scope/name` is the package's document, `@scope/name/-/file.tgz` its archive.
 *
 * @param {string} path
 * @param {(name: string) => Promise<Packed> | undefined} find
 * @param {string} origin
 */
async function answer(path, find, origin) {
  const [name = "", file] = path.split("/-/");
  const found = await find(name);
  if (found === undefined || (file !== undefined && file !== found.file)) {
    return { status: 404, type: "application/json", body: "{}" };
  }
  if (file !== undefined) return { status: 200, type: "application/octet-stream", body: found.content };
  const { manifest, content } = found;
  const integrity = `sha512-${createHash("sha512").update(content).digest("base64")}`;
  const version = { ...manifest, dist: { tarball: `${origin}/${name}/-/${found.file}`, integrity } };
  const body = { name, "dist-tags": { latest: manifest.version }, versions: { [manifest.version]: version } };
  return { status: 200, type: "application/json", body: JSON.stringify(body) };
}

/**
 * As publishing does it: `workspace:` and `catalog:` become versions.
 *
 * @param {string} directory
 * @param {string} work
 * @returns {Promise<Packed>}
 */
async function pack(directory, work) {
  const { packageManager } = JSON.parse(readFileSync(join(repository, "package.json"), "utf8"));
  const { name, version } = JSON.parse(readFileSync(join(repository, directory, "package.json"), "utf8"));
  const file = `${name.replace("@", "").replace("/", "-")}-${version}.tgz`;
  await run("npx", ["-y", packageManager, "pack", "--pack-destination", work], {
    cwd: join(repository, directory),
    timeout: PACK_LIMIT_MS,
  });
  const archive = join(work, file);
  const { stdout } = await run("tar", ["xzOf", archive, "package/package.json"]);
  return { manifest: JSON.parse(stdout), file: basename(archive), content: readFileSync(archive) };
}
