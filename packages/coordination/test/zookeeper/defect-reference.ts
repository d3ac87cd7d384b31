import { mkdir, readFile, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import type { Defect } from "./defect.js";

export interface DefectRow {
  readonly defect: Defect;
  readonly with: string;
  readonly without: string;
}

const TARGET = fileURLToPath(new URL("../../../../docs/reference/zookeeper-client-defects.md", import.meta.url));
const cell = (text: string) => text.replaceAll("|", "\\|").replaceAll("\n", " ");

/** The table in the reference, as this run saw it. */
export async function writeDefectReference(rows: readonly DefectRow[], serverVersion: string): Promise<void> {
  const client = createRequire(import.meta.url).resolve("node-zookeeper-client/package.json");
  const { version } = JSON.parse(await readFile(client, "utf8")) as { readonly version: string };
  const lines = rows.map(
    (row) =>
      `| ${cell(row.defect.title)} | ${row.defect.off.map((name) => `\`${name}\``).join(", ")} | ${cell(row.with)} | ${cell(row.without)} |`,
  );
  await mkdir(dirname(TARGET), { recursive: true });
  await writeFile(
    TARGET,
    `# Defects of the ZooKeeper client, and what removes them

<!-- Generated: HOLDFAST_WRITE_REFERENCE=1 pnpm exec vitest run --project contract packages/coordination/test/zookeeper-defects.contract.test.ts -->

Seen on ${new Date().toISOString().slice(0, 10)} with node-zookeeper-client ${version}, ZooKeeper ${serverVersion} and Node.js ${process.versions.node}.
Each defect was provoked twice on a real server: with the store as it is, and with the work-round named in the second
column switched off (\`packages/coordination/src/zookeeper/workarounds.ts\`; only tests can do that).

| Defect | Work-round | With it | Without it |
|---|---|---|---|
${lines.join("\n")}
`,
  );
}
