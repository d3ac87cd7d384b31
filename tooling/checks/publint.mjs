// @ts-check
/** `node tooling/checks/publint.mjs`: would each public package work for those who install it? */
import { join } from "node:path";
import { publint } from "publint";
import { formatMessage } from "publint/utils";
import { manifestsIn, repository } from "./tree.mjs";

let failed = 0;
const published = manifestsIn(["packages", "apps"]).filter(({ content }) => content.private !== true);
for (const { path, content } of published) {
  const { messages } = await publint({
    pkgDir: join(repository, path, ".."),
    level: "warning",
    strict: true,
    pack: "npm",
  });
  for (const message of messages) console.error(`${content.name}: ${message.type}: ${formatMessage(message, content)}`);
  if (messages.length > 0) failed += 1;
}
console.log(`publint: ${published.length} packages, ${failed} with problems`);
process.exitCode = failed > 0 ? 1 : 0;
