import type { ScaffoldOptions } from "../options.js";

export function readme({ type, packageName }: ScaffoldOptions): string {
  return `# ${packageName}

Holdfast storage strategy \`${type}\`: directories that an operator mounted at the same path on every agent.

\`\`\`sh
npm install
npm test            # the conformance suite, levels L0 and L1; needs root, for network namespaces and mounts
npm run check       # types, from the comments
npm pack            # what is installed with: npm install --prefix DIR ./${packageName.replace("@", "").replace("/", "-")}-0.1.0.tgz
\`\`\`

It is plain JavaScript: nothing is built. In a service file (\`service.example.yaml\`) it is named as a plugin, in exactly
one version, and loaded with \`--plugin-dir DIR\`:

\`\`\`sh
holdfast doctor -f service.example.yaml --plugin-dir DIR
\`\`\`

## Options

| Option | Default | Meaning |
|---|---|---|
| \`fsType\` | any | File system that must be mounted at the path: \`nfs4\`, \`ceph\`, \`ext4\`. |

## Where to go on

The suite asks what the strategy declares in \`capabilities\`, and a capability that is not declared is not asked for. So
declare one, watch the suite go red, make it green:

| Level | What it does | What it wants of you |
|---|---|---|
| L0 | shape, declared capabilities, pure decisions | strict options, honest capabilities |
| L1 | the calls in order, each twice and after its reverse | idempotency: "already done" and "nothing to undo" succeed |
| L2 | ends the process at every effect, then calls again or reverses | effects through \`op\` alone, nothing kept in memory |
| L3 | two agents, two controllers, old grants | \`attach\` refuses a second agent (\`HELD_BY_OTHER\`) and an older epoch (\`STALE_EPOCH\`); a fence with a receipt |
| L4 | servers that hang, die or fill up, agents cut off, late writes | bounds on every call, a \`cut\` that keeps its time, a world with a server |

1. **\`mounts: true\`**: mount in \`mount\`, in the foreground with \`op.daemon\` where there is a client process. It happens in
   the run's own mount namespace; when the run's tree dies the kernel removes it, and \`cut\` becomes \`with-tree\`.
2. **\`fences: true\`**: cut a former holder off at the server in \`fence\`, and return the server's own answer as the receipt.
   Administration goes through \`op.control\`, so that it works over ssh too.
3. **A world of your own**: \`test/conformance.test.js\` uses a plain directory, which has no server that could fail. Write a
   recipe (type \`StorageRecipe\` of @holdfast/testkit) that starts your real server, and add the levels.

## What the suite proves

\`declaredGrade\` is a claim. Holdfast counts the weaker of the claim and the proof, and without a proof nothing more than
\`lease-only\`. When the suite has run all levels on the real server, put what it saw into \`proof\`.
`;
}
