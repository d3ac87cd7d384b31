import type { Op, StorageFinding, Volume } from "@holdfast/core";
import type { ServerStatus } from "./answer.js";
import { askServer } from "./controller.js";
import { addressOf, type NbdOptions, parseNbdOptions } from "./options.js";

const MIB = 1024 * 1024;

/** Read-only. */
export async function inspect(op: Op, volume: Volume): Promise<readonly StorageFinding[]> {
  const options = parseNbdOptions(volume);
  return findingsOf(volume, options, await askServer(op, options, "status"));
}

/** Pure. */
export function findingsOf(volume: Volume, options: NbdOptions, status: ServerStatus): StorageFinding[] {
  const findings: StorageFinding[] = [];
  const add = (severity: StorageFinding["severity"], code: string, message: string, fix: string) =>
    findings.push({ code, severity, message, fix });
  const { server, image, attached } = status;
  if (server.kind !== options.server.kind || status.port !== options.server.port) {
    add(
      "error",
      "OTHER_SERVER",
      `The server runs ${server.kind} on port ${status.port}; the service file says ${options.server.kind} on ${options.server.port}.`,
      "Make server.kind and server.port agree.",
    );
  }
  if (image.sizeBytes === null)
    add("error", "NO_IMAGE", `There is no image ${image.path}.`, "Create it on the server.");
  else if (volume.diskMiB !== null && image.sizeBytes < volume.diskMiB * MIB) {
    add(
      "warning",
      "IMAGE_TOO_SMALL",
      `The image has ${Math.floor(image.sizeBytes / MIB)} MiB; the service asks for ${volume.diskMiB}.`,
      "Enlarge the image and its file system while it is not attached.",
    );
  }
  if (status.otherUsers.length > 0) {
    add(
      "error",
      "OTHER_USERS",
      `The image is also open in ${status.otherUsers.join(", ")}.`,
      "End them: two servers are two writers.",
    );
  }
  if (attached !== null && !status.serving) {
    add(
      "error",
      "NOT_SERVING",
      `${attached.export} is attached, but no server runs.`,
      "holdfast-nbd-server resume, at boot too.",
    );
  }
  if (attached === null && status.processes.length > 0) {
    add("warning", "LEFT_OVER", "A server runs although nothing is attached.", "Repeat the detach or fence.");
  }
  if (
    attached !== null &&
    attached.address !== addressOf(options, attached.agent) &&
    options.agents[attached.agent] !== undefined
  ) {
    add("warning", "OTHER_ADDRESS", `${attached.agent} was attached from ${attached.address}.`, "Correct `agents`.");
  }
  if (!status.filtersAddresses) {
    add(
      "info",
      "NO_ADDRESS_FILTER",
      `${server.kind} ${server.version} does not filter addresses here: older clients are refused by the export's name alone.`,
      "Let only agents reach the port, with a packet filter on the server.",
    );
  }
  for (const { agent, epoch } of status.fenced) {
    add("info", "FENCED", `${agent} is fenced since epoch ${epoch}.`, "It is let back in by its next run.");
  }
  return findings;
}
