import { HoldfastError, type StorageFinding, type Volume } from "@holdfast/core";
import { admitting, exportRules, parseExports } from "../access/exports.js";
import { formatAccessFile, parseAccessFile } from "../access/file.js";
import { emptyState } from "../access/state.js";
import { exportClient } from "../addresses.js";
import { parseSource } from "../mount/source.js";
import type { KernelServerOptions, SharedFsOptions } from "../options.js";
import type { AccessChange, Exporter } from "./exporter.js";
import { judgeKernelServer } from "./judge-server.js";
import { onServer, runScript } from "./run-script.js";
import { KERNEL_APPLY, KERNEL_INSPECT, KERNEL_READ } from "./scripts.js";
import { linesOf, parseSections } from "./sections.js";

/** nfsd of the Linux kernel: exports(5) and exportfs(8), and /proc/fs/nfsd/clients, which ends a client's state. */
export function kernelExporter(server: KernelServerOptions): Exporter {
  const place = (volume: Volume, options: SharedFsOptions) => {
    const path = server.exportPath ?? parseSource(options.source)?.path ?? "/";
    const file = `${server.exportsDirectory}/holdfast-${volume.service}-${volume.role}.exports`;
    return { path, file, directory: server.directory ?? path };
  };
  return {
    async read(op, volume, options) {
      const { file, directory } = place(volume, options);
      const result = await runScript(op, server.control, KERNEL_READ, [file, directory], {
        timeoutMs: options.controlTimeoutMs,
      });
      const sections = parseSections(result?.stdout ?? "");
      const token = linesOf(sections, "token")[0] ?? "absent";
      return {
        state: parseAccessFile(token === "absent" ? null : (sections.file ?? ""), volume) ?? emptyState(volume),
        token,
        exists: linesOf(sections, "directory").length > 0,
        said: report(sections),
      };
    },
    async apply(op, volume, options, change) {
      const { path, file, directory } = place(volume, options);
      const words = (addresses: readonly string[]) => addresses.map(exportClient).join(" ");
      const result = await runScript(
        op,
        server.control,
        KERNEL_APPLY,
        [
          file,
          change.token,
          path,
          directory,
          server.exportOptions.join(","),
          words(change.refuse),
          words(change.admit),
          words(change.expire),
        ],
        {
          timeoutMs: options.controlTimeoutMs,
          input: formatAccessFile(change.next, exportRules(path, server.exportOptions, change.admit)),
        },
      );
      if (result === null) return null;
      const sections = parseSections(result.stdout);
      refuseLeaks(sections, path, change);
      return report(sections);
    },
    async inspect(op, volume, options): Promise<readonly StorageFinding[]> {
      const { path, directory } = place(volume, options);
      const result = await runScript(op, server.control, KERNEL_INSPECT, [path, directory], {
        timeoutMs: options.controlTimeoutMs,
      });
      return judgeKernelServer(parseSections(result?.stdout ?? ""), path, options);
    },
    fenceCommands(volume, options, addresses) {
      const { path, file } = place(volume, options);
      return [
        onServer(server.control, `# writes ${file} without these lines, for the server's next start`),
        ...addresses.flatMap((address) => [
          onServer(server.control, `exportfs -u ${exportClient(address)}:${path}`),
          onServer(
            server.control,
            `echo expire > /proc/fs/nfsd/clients/N/ctl # each client with address ${exportClient(address)}`,
          ),
        ]),
        onServer(server.control, "exportfs -s # the receipt"),
      ];
    },
  };
}

/** @throws `UNFENCEABLE` when the server, asked afterwards, would still let a refused address in, or keeps its state. */
function refuseLeaks(sections: Readonly<Record<string, string>>, path: string, change: AccessChange): void {
  const entries = parseExports(sections.exports ?? "");
  for (const address of change.expire) {
    const [leak] = admitting(entries, path, address);
    if (leak !== undefined) {
      throw new HoldfastError("UNFENCEABLE", `${path} is also exported to ${leak.client}, which may be ${address}.`, {
        hint: "Take that line out of the server's exports: who is let in must be written by Holdfast alone.",
        detail: { client: leak.client, address },
      });
    }
    const state = linesOf(sections, "clients").find((line) => {
      const [from = "", states = "0"] = line.split(" ");
      return from.startsWith(`${exportClient(address)}:`) && Number(states) > 0;
    });
    if (state !== undefined) {
      throw new HoldfastError("UNKNOWN_OUTCOME", `The server still keeps opens or locks of ${address}.`, {
        hint: "Call again.",
        retryable: true,
        detail: { address, state },
      });
    }
  }
}

function report(sections: Readonly<Record<string, string>>): string {
  const part = (title: string, name: string) => `${title}: ${linesOf(sections, name).join("; ") || "none"}`;
  return [
    part("exportfs -s", "exports"),
    part("clients with opens and locks here", "clients"),
    part("locks on the claim", "locks"),
  ].join("\n");
}
