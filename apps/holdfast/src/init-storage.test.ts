import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { initStorage } from "./init-storage.js";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "holdfast-init-"));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

function serviceFile(...roles: readonly string[]): string {
  const storage = roles.map((role) => `    - { role: ${role}, strategy: local-pin, mountPath: /srv/${role} }`);
  const file = join(directory, "service.yaml");
  writeFileSync(
    file,
    `apiVersion: holdfast/v1
kind: Service
metadata: { name: orders-db }
spec:
  engine: { type: process, command: [redis-server] }
  storage:
${storage.join("\n")}
  resources: { cpus: 1, memMiB: 64 }
`,
  );
  return file;
}

const init = (file: string, role: string | null) =>
  initStorage({ file, role, pluginDir: [], store: `dir://${directory}/store` });

test.each([
  [["data"], "log"],
  [["data", "log"], "wal"],
  [["wal", "log"], null],
])("of the volumes %j it marks none when %s is asked for", async (roles, role) => {
  await expect(init(serviceFile(...roles), role)).rejects.toMatchObject({
    code: "USAGE",
    hint: expect.stringContaining(roles.join(", ")),
  });
});
