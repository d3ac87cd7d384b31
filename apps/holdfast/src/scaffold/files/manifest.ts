import type { ScaffoldOptions } from "../options.js";

/** What the strategy's tests need; not what it needs to run. */
const TOOLS = { typescript: "^7.0.0", vitest: "^4.1.0" };

export function manifest({ type, packageName, version }: ScaffoldOptions): string {
  const ours = `^${version}`;
  return `${JSON.stringify(
    {
      name: packageName,
      version: "0.1.0",
      description: `Holdfast storage strategy ${type}.`,
      type: "module",
      engines: { node: ">=20.19.0" },
      exports: { ".": "./src/index.js", "./package.json": "./package.json" },
      files: ["src"],
      scripts: { test: "vitest run", check: "tsc" },
      peerDependencies: { "@holdfast/core": ours, zod: "^4.0.0" },
      devDependencies: {
        "@holdfast/core": ours,
        "@holdfast/init-linux-x64": ours,
        "@holdfast/testkit": ours,
        "@types/node": "^20.19.0",
        ...TOOLS,
        zod: "^4.0.0",
      },
    },
    null,
    2,
  )}\n`;
}

/** The sources are JavaScript, so nothing is built; their types stand in comments, and `npm run check` checks them. */
export const TSCONFIG = `${JSON.stringify(
  {
    compilerOptions: {
      target: "es2023",
      lib: ["es2023"],
      module: "nodenext",
      checkJs: true,
      allowJs: true,
      noEmit: true,
      strict: true,
      noUncheckedIndexedAccess: true,
      skipLibCheck: true,
      types: ["node"],
    },
    include: ["src/**/*.js", "test/**/*.js"],
  },
  null,
  2,
)}\n`;

export const GITIGNORE = "node_modules/\n*.tgz\nconformance.json\n";
