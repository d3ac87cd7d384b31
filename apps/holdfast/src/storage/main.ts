import { text } from "node:stream/consumers";
import { createLineReader, type GuardToStorage, type StorageToGuard } from "@holdfast/supervisor";
import { formatError } from "../print-error.js";
import { cutVolumes } from "./cut.js";
import { resolveService } from "./resolve.js";
import { StorageServer } from "./serve.js";
import type { ResolveRequest } from "./spec.js";

/** `holdfast __storage resolve | serve DIR | cut DIR`: the only processes of a run that know strategies. */
export async function main([verb, directory = ""]: readonly string[]): Promise<void> {
  switch (verb) {
    case "resolve":
      return resolveStandardInput();
    case "serve":
      return serve(directory);
    case "cut": {
      const report = await cutVolumes(directory);
      process.stdout.write(`${JSON.stringify(report)}\n`);
      process.exit(report.kind === "cut" ? 0 : 1);
      return;
    }
    default:
      throw new Error(`no verb ${verb} of __storage`);
  }
}

async function resolveStandardInput(): Promise<void> {
  try {
    const request = JSON.parse(await text(process.stdin)) as ResolveRequest;
    process.stdout.write(`${JSON.stringify({ resolved: await resolveService(request) })}\n`);
  } catch (error) {
    process.stdout.write(`${JSON.stringify({ error: formatError(error) })}\n`);
  }
}

/** Ends with its input: the guard is gone, or has no more to ask; the tree is killed anyway. */
function serve(directory: string): void {
  process.title = "holdfast-storage";
  // Schedulers and terminals signal every process of the tree; only the guard acts on these.
  for (const signal of ["SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT"] as const) process.on(signal, () => undefined);
  const send = (message: StorageToGuard) => void process.stdout.write(`${JSON.stringify(message)}\n`);
  const server = new StorageServer(directory, send);
  let queue = Promise.resolve();
  const read = createLineReader<GuardToStorage>((message) => {
    // In the order in which they came. A rejection is a defect, and ends this process.
    queue = queue.then(() => server.handle(message));
  });
  process.stdin.on("data", (chunk: Buffer) => read(chunk));
  process.stdin.on("end", () => process.exit(0));
}
