/**
 * Holds the open files of a tree, in a process that starts no other. Every child closes the descriptors that it
 * inherited, and closing one on a hung FUSE mount waits for the server: a runner that had files open there could call
 * nothing any more.
 */
import { OpenFiles } from "./files.js";
import { type FileRequest, type FileResponse, toWireError } from "./protocol.js";

const files = new OpenFiles();

async function serve({ id, verb, argument }: FileRequest): Promise<FileResponse> {
  try {
    const call = files[verb] as (this: OpenFiles, argument: FileRequest["argument"]) => Promise<unknown>;
    return { id, result: await call.call(files, argument) };
  } catch (error) {
    return { id, error: toWireError(error) };
  }
}

process.on("message", (request: FileRequest) => {
  void serve(request).then((response) => process.send?.(response));
});
