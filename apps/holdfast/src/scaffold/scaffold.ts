import { GITIGNORE, manifest, TSCONFIG } from "./files/manifest.js";
import { readme } from "./files/readme.js";
import { indexSource, optionsSource, strategySource } from "./files/sources.js";
import { conformanceTest, serviceFile, VITEST_CONFIG } from "./files/tests.js";
import type { ScaffoldOptions } from "./options.js";

/** Pure: the files of a strategy's package, by path. It needs no build, and passes the first levels of the suite. */
export function scaffold(options: ScaffoldOptions): Readonly<Record<string, string>> {
  return {
    "package.json": manifest(options),
    "tsconfig.json": TSCONFIG,
    ".gitignore": GITIGNORE,
    "README.md": readme(options),
    "service.example.yaml": serviceFile(options),
    "vitest.config.js": VITEST_CONFIG,
    "src/index.js": indexSource(options),
    "src/options.js": optionsSource(options),
    "src/strategy.js": strategySource(options),
    "test/conformance.test.js": conformanceTest(options),
  };
}
