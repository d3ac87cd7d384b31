import { HoldfastError, type Op, type Volume } from "@holdfast/core";
import { formatAccessFile, parseAccessFile } from "../access/file.js";
import { ganeshaRules } from "../access/ganesha.js";
import { emptyState } from "../access/state.js";
import { parseSource } from "../mount/source.js";
import type { GaneshaServerOptions, SharedFsOptions } from "../options.js";
import type { AccessChange, Exporter } from "./exporter.js";
import { judgeGaneshaServer } from "./judge-server.js";
import { onServer, runScript } from "./run-script.js";
import { GANESHA_APPLY, GANESHA_INSPECT, GANESHA_READ } from "./scripts.js";
import { linesOf, parseSections } from "./sections.js";

/**
 * nfs-ganesha 4: rereads its exports on SIGHUP, and says so in its log. It has no command to end one client's locks; but
 * an export that left the configuration loses all of them, and at a fence nobody else has any.
 */
export function ganeshaExporter(server: GaneshaServerOptions): Exporter {
  async function write(
    op: Op,
    options: SharedFsOptions,
    change: Pick<AccessChange, "next" | "token" | "admit">,
  ): Promise<Readonly<Record<string, string>> | null> {
    const pseudo = parseSource(options.source)?.path ?? "/";
    const result = await runScript(
      op,
      server.control,
      GANESHA_APPLY,
      [server.file, change.token, server.directory, server.pidFile, server.logFile],
      {
        timeoutMs: options.controlTimeoutMs,
        input: formatAccessFile(change.next, ganeshaRules(server, pseudo, change.admit)),
      },
    );
    if (result === null) return null;
    const sections = parseSections(result.stdout);
    const bad = linesOf(sections, "log").find((line) => /:CONFIG :(CRIT|MAJ|FATAL) :/.test(line));
    if (bad === undefined) return sections;
    throw new HoldfastError("UNKNOWN_OUTCOME", `ganesha did not take its configuration: ${bad}`, {
      hint: `See ${server.file} and ${server.logFile} on the server.`,
    });
  }

  async function read(op: Op, volume: Volume, options: SharedFsOptions) {
    const result = await runScript(op, server.control, GANESHA_READ, [server.file, server.directory], {
      timeoutMs: options.controlTimeoutMs,
    });
    const sections = parseSections(result?.stdout ?? "");
    const token = linesOf(sections, "token")[0] ?? "absent";
    return {
      // An operator includes a file that is there and empty before the first volume is.
      state: parseAccessFile(isBlank(sections.file) ? null : (sections.file ?? ""), volume) ?? emptyState(volume),
      token,
      exists: linesOf(sections, "directory").length > 0,
      said: report(sections),
    };
  }

  return {
    read,
    async apply(op, volume, options, change) {
      // Once the next holder is attached a repeated fence must not take its locks away, and has nothing left to end.
      if (change.expire.length === 0 || change.next.attached.length > 0) {
        const sections = await write(op, options, change);
        return sections === null ? null : report(sections);
      }
      const gone = await write(op, options, { ...change, admit: [] });
      if (gone === null) return null;
      const held = linesOf(gone, "locks");
      if (held.length > 0) {
        throw new HoldfastError("UNFENCEABLE", `The claim is still locked at the server: ${held[0]}.`, {
          hint: "A process of the server itself may hold it; otherwise restart ganesha, then call again.",
          detail: { locks: held },
        });
      }
      if (change.admit.length === 0) return report(gone);
      const { token } = await read(op, volume, options);
      const back = await write(op, options, { ...change, token });
      return back === null ? null : `${report(gone)}\n${report(back)}`;
    },
    async inspect(op, _volume, options) {
      const result = await runScript(op, server.control, GANESHA_INSPECT, [server.file, server.pidFile], {
        timeoutMs: options.controlTimeoutMs,
      });
      return judgeGaneshaServer(parseSections(result?.stdout ?? ""), server.file, options);
    },
    fenceCommands: (_volume, _options, addresses) => [
      onServer(server.control, `# writes ${server.file} without the EXPORT block: all its opens and locks end`),
      onServer(server.control, `kill -HUP $(cat ${server.pidFile})`),
      onServer(server.control, `# then, for an operator's mounts, the block again without ${addresses.join(", ")}`),
      onServer(server.control, `grep 'Reread exports complete' ${server.logFile} # the receipt`),
    ],
  };
}

function isBlank(text: string | undefined): boolean {
  return text === undefined || text.trim() === "";
}

function report(sections: Readonly<Record<string, string>>): string {
  const log = linesOf(sections, "log").map((line) => line.replace(/^.*?\] /, ""));
  return `ganesha: ${log.join("; ") || "not asked"}\nlocks on the claim: ${linesOf(sections, "locks").join("; ") || "none"}`;
}
