import { hasCode, type Op, type StorageFinding } from "@holdfast/core";
import { control } from "../control.js";
import type { DriverVolume } from "../driver.js";
import { parseAddress } from "./address-range.js";
import { mfscli, readExports } from "./admin.js";
import { parseChunkServers } from "./cli-output.js";
import { directoryOf, type ExportsFile, parseEntry, reaches } from "./exports.js";
import type { MooseFsOptions } from "./options.js";

const DEFAULT_SUSTAIN_SECONDS = 86_400;

export async function inspect(op: Op, { options }: DriverVolume<MooseFsOptions>): Promise<StorageFinding[]> {
  if (options.control.length === 0) {
    return [
      {
        code: "MOOSEFS_NOT_ADMINISTERED",
        severity: "warning",
        message:
          "The master's settings cannot be read and nobody can be fenced: no administration target is configured.",
        fix: "Set `control` in the volume's options.",
      },
    ];
  }
  try {
    const { stdout: config } = await control(op, options, ["cat", options.masterConfigFile]);
    const { file } = await readExports(op, options);
    const servers = parseChunkServers(await mfscli(op, options, "-SCS"));
    return [
      ...judgeMaster(parseConfig(config), options),
      ...judgeExports(file, options),
      ...judgeChunkServers(
        servers.filter(({ connected }) => connected).map(({ address }) => address),
        options,
      ),
    ];
  } catch (error) {
    if (!hasCode(error, "BUSY", "DENIED", "INTERNAL", "NOT_FOUND", "UNKNOWN_OUTCOME")) throw error;
    return [
      {
        code: "MOOSEFS_UNREADABLE",
        severity: "error",
        message: `The master's settings cannot be read: ${(error as Error).message}`,
        fix: "See whether `control`, `masterConfigFile` and `exportsFile` are right.",
      },
    ];
  }
}

/** Pure: `NAME = VALUE` of mfsmaster.cfg(5). */
function parseConfig(text: string): Map<string, string> {
  return new Map(
    text.split("\n").flatMap((line) => {
      const [, name, value] = /^\s*([A-Z_]+)\s*=\s*(.*?)\s*$/.exec(line) ?? [];
      return name === undefined || value === undefined ? [] : [[name, value] as const];
    }),
  );
}

function judgeMaster(config: ReadonlyMap<string, string>, options: MooseFsOptions): StorageFinding[] {
  const findings: StorageFinding[] = [];
  const sustain = Number(config.get("SESSION_SUSTAIN_TIME") ?? DEFAULT_SUSTAIN_SECONDS);
  if (sustain > options.sessionSustainSeconds) {
    findings.push({
      code: "MOOSEFS_SESSION_SUSTAIN",
      severity: "warning",
      message: `A dead client keeps its locks for ${sustain} s, the options say ${options.sessionSustainSeconds} s.`,
      fix: `SESSION_SUSTAIN_TIME = ${options.sessionSustainSeconds} in ${options.masterConfigFile} and reload, or sessionSustainSeconds: ${sustain}.`,
    });
  } else if (sustain > 600) {
    findings.push({
      code: "MOOSEFS_SESSION_SUSTAIN_LONG",
      severity: "info",
      message: `Without a fence a dead client keeps its locks for ${sustain} s.`,
      fix: `SESSION_SUSTAIN_TIME = 60 (the least that counts) in ${options.masterConfigFile}; then sessionSustainSeconds: 60.`,
    });
  }
  if ((config.get("CHANGELOG_SAVE_MODE") ?? "0") === "0") {
    findings.push({
      code: "MOOSEFS_CHANGELOG_BACKGROUND",
      severity: "warning",
      message:
        "The master answers before its change log is written: when its machine dies, the newest files may be lost.",
      fix: `CHANGELOG_SAVE_MODE = 1, or 2 against a power failure, in ${options.masterConfigFile}.`,
    });
  }
  return findings;
}

function judgeExports(file: ExportsFile, options: MooseFsOptions): StorageFinding[] {
  const entries = file.lines.flatMap((line) => parseEntry(line) ?? []);
  const ours = entries.filter(({ directory }) => reaches(directory, options.path));
  const findings: StorageFinding[] = [];
  if (ours.length === 0) {
    findings.push({
      code: "MOOSEFS_NOT_EXPORTED",
      severity: "error",
      message: `${options.path} is exported to nobody for writing.`,
      fix: `ADDRESSES ${options.path} rw,maproot=0:0 in ${options.exportsFile}.`,
    });
  }
  const agents = Object.values(options.agents).flatMap((address) => parseAddress(address) ?? []);
  const above = ours.filter(
    ({ directory, from, to }) =>
      directory !== directoryOf(options.path) &&
      (agents.length === 0 || agents.some((address) => address >= from && address <= to)),
  );
  if (above.length > 0) {
    findings.push({
      code: "MOOSEFS_EXPORT_SHARED",
      severity: "warning",
      message: `${options.path} is reached through the export of ${above[0]?.directory}: a fenced agent loses all of that.`,
      fix: `A line of its own for ${options.path} in ${options.exportsFile}, and none above it for the agents.`,
    });
  }
  if (ours.some(({ options: words }) => words.includes("dynamicip"))) {
    findings.push({
      code: "MOOSEFS_DYNAMIC_ADDRESS",
      severity: "warning",
      message: "Clients may come back from another address than the one that a fence refuses (dynamicip).",
      fix: `Take dynamicip out of the line for ${options.path}.`,
    });
  }
  return findings;
}

function judgeChunkServers(addresses: readonly string[], options: MooseFsOptions): StorageFinding[] {
  const without = addresses.filter((address) => options.chunkServerControl[address] === undefined);
  if (without.length === 0) return [];
  return [
    {
      code: "MOOSEFS_CHUNK_SERVERS_NOT_ADMINISTERED",
      severity: "warning",
      message: `A fence waits ${options.chunkSettleMs} ms, because connections at ${without.join(", ")} cannot be ended.`,
      fix: "Set `chunkServerControl` for them.",
    },
  ];
}
