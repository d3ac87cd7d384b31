import { mkdirSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Volume } from "@holdfast/core";
import { command } from "../../agents/command.js";
import { createAgentNetwork, namespacesUnavailable } from "../../agents/network.js";
import { until } from "../../agents/until.js";
import { namespaceAgent } from "../namespace-agent.js";
import type { StorageRecipe } from "../world.js";
import { createFreezer, loopsBelow, mounterOf } from "./kernel.js";
import type { ImageOptions } from "./options.js";
import { IMAGE_SERVER_PROGRAM } from "./server-program.js";
import { IMAGE_BACKEND } from "./strategy.js";

const IMAGE_BYTES = 24 * 1024 * 1024;
const IDLE_LIMIT_MS = 10_000;

/** Two agents and images in a directory of this machine: a world in a second, for the suite's own tests. */
export const imageRecipe: StorageRecipe = {
  backend: IMAGE_BACKEND,
  unavailable: namespacesUnavailable,
  async start() {
    const network = await createAgentNetwork();
    const directory = mkdtempSync(join(tmpdir(), "holdfast-image-"));
    const program = join(directory, "server.pl");
    writeFileSync(program, IMAGE_SERVER_PROGRAM);
    const a = namespaceAgent("a", await network.addAgent());
    const b = namespaceAgent("b", await network.addAgent());
    const down = join(directory, "down");
    const freezer = createFreezer(directory);
    return {
      backend: IMAGE_BACKEND,
      server: `ext4 on loop devices, ${process.platform} ${readFileSync("/proc/sys/kernel/osrelease", "utf8").trim()}`,
      agents: [a, b],
      hostAddress: network.address,
      async createVolume(service): Promise<Volume> {
        mkdirSync(join(directory, service));
        writeFileSync(join(directory, service, "image"), "");
        truncateSync(join(directory, service, "image"), IMAGE_BYTES);
        const options: ImageOptions = {
          server: { kind: "command", command: ["perl", program, directory] },
          volume: service,
          agents: { a: a.address, b: b.address },
        };
        return { service, role: "data", mountPath: join(directory, "mnt", service), diskMiB: null, options };
      },
      servers: {
        addresses: [network.address],
        hang: () => freezer.freeze(),
        resume: () => freezer.thaw(),
        async kill() {
          writeFileSync(down, "");
        },
        async start() {
          rmSync(down, { force: true });
        },
        async fill({ mountPath }) {
          const path = `/proc/${mounterOf(directory, mountPath)}/root${mountPath}/fill`;
          await command(["sh", "-c", 'dd if=/dev/zero of="$0" bs=64k 2>/dev/null; test -s "$0"', path]);
          return async () => {
            rmSync(path, { force: true });
          };
        },
      },
      async close() {
        await freezer.thaw();
        await network.remove();
        await until("the loop devices to be free", () => loopsBelow(directory).length === 0, {
          timeoutMs: IDLE_LIMIT_MS,
        });
        rmSync(directory, { recursive: true });
      },
    };
  },
};
