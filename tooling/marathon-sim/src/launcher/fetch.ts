import { spawn } from "node:child_process";
import { chmod, copyFile, mkdir, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { App } from "../core/app-schema.js";

const ARCHIVE = /\.(tar|tar\.gz|tgz|tar\.xz|txz|tar\.bz2|tbz2)$/;

/** Puts an app's `fetch` artifacts into the sandbox. @throws when one cannot be had. */
export async function fetchArtifacts({ fetch: artifacts }: App, sandbox: string, signal: AbortSignal): Promise<void> {
  for (const { uri, extract, executable, destPath } of artifacts) {
    const target = join(sandbox, destPath ?? basename(new URL(uri).pathname));
    await mkdir(dirname(target), { recursive: true });
    await download(uri, target, signal);
    if (executable) await chmod(target, 0o755);
    else if (extract && ARCHIVE.test(target)) await unpack(target, sandbox);
  }
}

async function download(uri: string, target: string, signal: AbortSignal): Promise<void> {
  if (uri.startsWith("file:")) {
    await copyFile(fileURLToPath(uri), target);
    return;
  }
  const response = await fetch(uri, { signal });
  if (!response.ok) throw new Error(`${uri} answered ${response.status}`);
  await writeFile(target, Buffer.from(await response.arrayBuffer()));
}

function unpack(archive: string, directory: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn("tar", ["-xf", archive, "-C", directory], { stdio: "ignore" });
    child.once("error", reject);
    child.once("exit", (code) => (code === 0 ? resolve() : reject(new Error(`tar ended with ${code} on ${archive}`))));
  });
}
