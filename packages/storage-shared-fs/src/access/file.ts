import { HoldfastError } from "@holdfast/core";
import * as z from "zod";
import { type AccessState, accessStateSchema } from "./state.js";

const MARK = "# holdfast: ";
const HEADER = "# Written by Holdfast, which reads it too. Do not edit: see @holdfast/storage-shared-fs.";

/** Pure: the state as comments, then the server's own rules. `exports(5)` and ganesha's configuration share the #. */
export function formatAccessFile(state: AccessState, rules: string): string {
  return `${HEADER}\n${MARK}${JSON.stringify(z.encode(accessStateSchema, state))}\n${rules}`;
}

/** Pure; null for a file that is not there. @throws `INCOMPATIBLE` for one that is not ours or another volume's. */
export function parseAccessFile(
  text: string | null,
  volume: { readonly service: string; readonly role: string },
): AccessState | null {
  if (text === null) return null;
  const line = text.split("\n").find((candidate) => candidate.startsWith(MARK));
  const parsed = line === undefined ? undefined : accessStateSchema.safeDecode(parseJson(line.slice(MARK.length)));
  if (parsed?.success !== true) throw notOurs("it was not written by Holdfast, or by a newer one");
  const { service, role } = parsed.data;
  if (service !== volume.service || role !== volume.role) throw notOurs(`it belongs to volume ${role} of ${service}`);
  return parsed.data;
}

// biome-ignore lint/suspicious/noExplicitAny: what comes of it is checked by the schema.
function parseJson(text: string): any {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function notOurs(why: string): HoldfastError {
  return new HoldfastError("INCOMPATIBLE", `The file with the volume's access rules cannot be used: ${why}.`, {
    hint: "Look at it on the server; move it away only after making sure that nothing runs.",
  });
}
