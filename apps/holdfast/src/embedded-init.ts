import {
  accessSync,
  closeSync,
  constants,
  fchmodSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  type Stats,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

/** The native init as a file that can be executed, or why there is none. */
export type InitLocation =
  | { readonly path: string; readonly reason: undefined }
  | { readonly path: undefined; readonly reason: string };

/** The init that the executable carries, with its SHA-256 as hex digits (computed at build time). */
export interface EmbeddedInit {
  readonly content: Buffer;
  readonly digest: string;
}

export interface UnpackInto {
  readonly uid: number;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** In order of preference; tests give their own. */
  readonly directories?: readonly string[];
}

const FILE_NAME = "holdfast-init";
/** At the end of a candidate: replaced by random characters, as mkdtemp(3) does. */
const UNGUESSABLE = "XXXXXX";

/**
 * When the program runs from files: in a checkout, what the native build left; where it was installed, the package for
 * this platform, which npm installs only where it fits.
 */
export function locateInitFile(bundleFile: string): InitLocation {
  const inCheckout = join(dirname(bundleFile), "../../../packages/supervisor/native/dist", FILE_NAME);
  if (whyNotExecutable(inCheckout) === undefined) return { path: inCheckout, reason: undefined };
  const platformPackage = `@holdfast/init-${process.platform}-${process.arch}`;
  try {
    const path = createRequire(bundleFile).resolve(`${platformPackage}/${FILE_NAME}`);
    const reason = whyNotExecutable(path);
    return reason === undefined ? { path, reason } : { path: undefined, reason: `${path}: ${reason}` };
  } catch (error) {
    return { path: undefined, reason: `${platformPackage} is not installed (${codeOf(error)})` };
  }
}

/**
 * Writes the embedded init to the first directory that permits execution, unless the same file is already there.
 *
 * What is found is executed with our rights, so a file is used only if its content equals ours and nobody else can
 * change it or swap it: every directory above belongs to root or to us and is writable by no one else, or has the
 * sticky bit as `/tmp`. Anything else is left alone and the next directory is tried; the last resort is a fresh
 * directory with an unguessable name.
 */
export function unpackInit(init: EmbeddedInit, into: UnpackInto): InitLocation {
  const refusals: string[] = [];
  for (const directory of into.directories ?? candidateDirectories(into)) {
    const location = tryIn(directory, init, into.uid);
    if (location.path !== undefined) return location;
    refusals.push(`${directory}: ${location.reason}`);
  }
  return { path: undefined, reason: `no directory can hold the native init (${refusals.join("; ")})` };
}

function* candidateDirectories({ uid, env }: UnpackInto): Generator<string> {
  // /run is memory on most machines and therefore first for root: it is emptied at boot and never shared.
  if (uid === 0) {
    yield "/run/holdfast";
    yield "/var/lib/holdfast/bin";
  }
  const cache = env.XDG_CACHE_HOME ?? (env.HOME === undefined ? undefined : join(env.HOME, ".cache"));
  if (cache?.startsWith("/")) yield join(cache, "holdfast");
  if (env.XDG_RUNTIME_DIR?.startsWith("/")) yield join(env.XDG_RUNTIME_DIR, "holdfast");
  if (env.MESOS_SANDBOX?.startsWith("/")) yield join(env.MESOS_SANDBOX, ".holdfast");
  yield join(tmpdir(), `holdfast-${uid}`);
  yield join(tmpdir(), `holdfast-${UNGUESSABLE}`);
}

function tryIn(wanted: string, init: EmbeddedInit, uid: number): InitLocation {
  try {
    const directory = realpathSync(makeDirectory(wanted));
    const unsafe = whyUnsafe(directory, uid);
    if (unsafe !== undefined) return { path: undefined, reason: unsafe };
    const path = join(directory, `${FILE_NAME}-${init.digest.slice(0, 16)}`);
    if (!isOurs(path, init, uid)) writeAtomically(path, init);
    const reason = whyNotExecutable(path);
    return reason === undefined ? { path, reason } : { path: undefined, reason };
  } catch (error) {
    return { path: undefined, reason: codeOf(error) };
  }
}

function makeDirectory(wanted: string): string {
  if (wanted.endsWith(UNGUESSABLE)) return mkdtempSync(wanted.slice(0, -UNGUESSABLE.length));
  mkdirSync(wanted, { recursive: true, mode: 0o755 });
  return wanted;
}

function whyUnsafe(directory: string, uid: number): string | undefined {
  for (let path = directory; ; path = dirname(path)) {
    const stats = lstatSync(path);
    if (!stats.isDirectory()) return `${path} is not a directory`;
    if (!isOwnedBy(stats, uid)) return `${path} belongs to user ${stats.uid}`;
    const sticky = path !== directory && (stats.mode & 0o1000) !== 0;
    if (!sticky && (stats.mode & 0o022) !== 0) return `${path} can be written by other users`;
    if (path === dirname(path)) return undefined;
  }
}

function isOwnedBy(stats: Stats, uid: number): boolean {
  return stats.uid === uid || stats.uid === 0;
}

function isOurs(file: string, init: EmbeddedInit, uid: number): boolean {
  const stats = lstatSync(file, { throwIfNoEntry: false });
  if (stats === undefined || !stats.isFile() || !isOwnedBy(stats, uid) || (stats.mode & 0o022) !== 0) return false;
  return readFileSync(file).equals(init.content);
}

/** A reader sees no file or a whole one; two starts at once write the same content, so either may win. */
function writeAtomically(file: string, init: EmbeddedInit): void {
  const temporary = `${file}.${process.pid}.${process.hrtime.bigint()}`;
  const descriptor = openSync(temporary, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o700);
  try {
    try {
      writeFileSync(descriptor, init.content);
      fchmodSync(descriptor, 0o755); // whatever the umask
    } finally {
      closeSync(descriptor);
    }
    renameSync(temporary, file);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}

/** access(X_OK) answers EACCES on a file system mounted `noexec`, so nothing needs to be run to find out. */
function whyNotExecutable(path: string): string | undefined {
  try {
    accessSync(path, constants.X_OK);
    return undefined;
  } catch (error) {
    const code = codeOf(error);
    return code === "EACCES" ? "programs cannot be executed there (noexec?)" : code;
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : String(error);
}
