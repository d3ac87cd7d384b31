import { constants } from "node:fs";
import { type FileHandle, mkdir, open, readdir } from "node:fs/promises";
import type { HelperVerbs } from "./protocol.js";

type Argument<V extends keyof HelperVerbs> = HelperVerbs[V]["argument"];

// Part of the runtime, but not of the type library that is used here.
declare const WebAssembly: {
  readonly Memory: new (descriptor: { readonly initial: number }) => { readonly buffer: ArrayBuffer };
};

/** Page-aligned, as O_DIRECT asks for; no other buffer of this runtime promises that. */
function alignedBuffer(length: number): Buffer {
  return Buffer.from(new WebAssembly.Memory({ initial: Math.ceil(length / 65_536) }).buffer, 0, length);
}

const filled = (pattern: string, length: number) => alignedBuffer(length).fill(pattern);

/** Files on the volume, kept open over requests: the descriptor of a former holder is the dangerous one. */
export class OpenFiles {
  readonly #files = new Map<number, FileHandle>();
  #next = 1;

  async open({ path, direct, create }: Argument<"open">): Promise<number> {
    const flags =
      constants.O_RDWR | (direct === true ? constants.O_DIRECT : 0) | (create === true ? constants.O_CREAT : 0);
    const id = this.#next++;
    this.#files.set(id, await open(path, flags, 0o644));
    return id;
  }

  async write({ file, position, pattern, length }: Argument<"write">): Promise<null> {
    const buffer = filled(pattern, length);
    const { bytesWritten } = await this.#get(file).write(buffer, 0, length, position);
    if (bytesWritten !== length) throw new Error(`wrote ${bytesWritten} of ${length} bytes`);
    return null;
  }

  async fsync({ file }: Argument<"fsync">): Promise<null> {
    await this.#get(file).sync();
    return null;
  }

  async close({ file }: Argument<"close">): Promise<null> {
    const handle = this.#get(file);
    this.#files.delete(file);
    await handle.close();
    return null;
  }

  async read({ path, position, length, drop }: Argument<"read">): Promise<string> {
    const handle = await open(path, constants.O_RDONLY | (drop === true ? constants.O_DIRECT : 0));
    try {
      const buffer = alignedBuffer(length);
      const { bytesRead } = await handle.read(buffer, 0, length, position);
      return buffer.toString("latin1", 0, bytesRead);
    } finally {
      await handle.close();
    }
  }

  async list({ path }: Argument<"list">): Promise<readonly string[] | null> {
    try {
      return (await readdir(path)).sort();
    } catch (error) {
      if (error instanceof Error && "code" in error && error.code === "ENOENT") return null;
      throw error;
    }
  }

  async makeDirectory({ path }: Argument<"makeDirectory">): Promise<null> {
    await mkdir(path, { recursive: true });
    return null;
  }

  #get(file: number): FileHandle {
    const handle = this.#files.get(file);
    if (handle === undefined) throw new Error(`no file ${file} is open`);
    return handle;
  }
}
