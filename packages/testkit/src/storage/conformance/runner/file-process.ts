import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { type FileRequest, type FileResponse, type FileVerb, fromWireError, type HelperVerbs } from "./protocol.js";

interface Waiting {
  readonly resolve: (result: never) => void;
  readonly reject: (error: Error) => void;
}

/** The tree's open files, in a process of their own; started when the first is asked for. */
export class FileProcess {
  readonly #waiting = new Map<number, Waiting>();
  #child: ChildProcess | undefined;
  #next = 1;

  ask<V extends FileVerb>(verb: V, argument: HelperVerbs[V]["argument"]): Promise<HelperVerbs[V]["result"]> {
    const child = this.#start();
    const id = this.#next++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      child.send({ id, verb, argument } satisfies FileRequest);
    });
  }

  #start(): ChildProcess {
    if (this.#child !== undefined) return this.#child;
    const child = fork(fileURLToPath(new URL("./files-main.js", import.meta.url)));
    child.on("message", (response: FileResponse) => {
      const waiting = this.#waiting.get(response.id);
      this.#waiting.delete(response.id);
      if ("error" in response) waiting?.reject(fromWireError(response.error));
      else waiting?.resolve(response.result as never);
    });
    child.on("exit", (code, signal) => {
      for (const { reject } of this.#waiting.values()) reject(new Error(`the file process ended: ${signal ?? code}`));
      this.#waiting.clear();
      this.#child = undefined;
    });
    this.#child = child;
    return child;
  }
}
