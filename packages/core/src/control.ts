import * as z from "zod";

/**
 * Where a storage server is administered. `command`: a program here, to which the arguments are added. `ssh`: the same on
 * another machine, with a key of its own and a known host key; never a password, never a shell on our side.
 */
export const controlTargetSchema = z.discriminatedUnion("kind", [
  z.strictObject({
    kind: z.literal("command"),
    command: z.tuple([z.string().min(1)], z.string()).describe("Program and first arguments."),
  }),
  z.strictObject({
    kind: z.literal("ssh"),
    host: z.string().min(1),
    port: z.int().min(1).max(65_535).default(22),
    user: z.string().min(1).default("root"),
    identityFile: z.string().startsWith("/"),
    knownHostsFile: z.string().startsWith("/"),
    command: z.tuple([z.string().min(1)], z.string()).describe("Program on the server and its first arguments."),
  }),
]);
export type ControlTarget = z.output<typeof controlTargetSchema>;

/** Pure: the argv that is run here. Over ssh each word is quoted for the server's shell, which sshd always uses. */
export function controlArgv(target: ControlTarget, args: readonly string[]): readonly [string, ...string[]] {
  const command: readonly [string, ...string[]] = [target.command[0], ...target.command.slice(1), ...args];
  if (target.kind === "command") return command;
  const options = {
    BatchMode: "yes",
    StrictHostKeyChecking: "yes",
    UserKnownHostsFile: target.knownHostsFile,
    IdentitiesOnly: "yes",
    ConnectTimeout: "5",
    ServerAliveInterval: "2",
    ServerAliveCountMax: "2",
  };
  const flags = Object.entries(options).flatMap(([name, value]) => ["-o", `${name}=${value}`]);
  const to = ["-i", target.identityFile, "-p", String(target.port), "-l", target.user, target.host];
  return ["ssh", ...flags, ...to, "--", command.map(quoteWord).join(" ")];
}

function quoteWord(word: string): string {
  return /^[A-Za-z0-9_./:=,@%+-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
