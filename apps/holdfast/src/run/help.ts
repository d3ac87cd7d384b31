import { EXIT_CODE_MEANINGS, EXIT_CODES, type ExitCodeName } from "@holdfast/core";
import { type FlagSpec, RUN_FLAGS } from "./options.js";

const HEAD = `holdfast run: runs a command while, and only while, this machine holds the service's lease.

  holdfast run --service NAME --store URL [flags] -- command args…

The command is started when the lease was won and the volume verified, and everything that it started is gone before
the lease can be anybody else's: also when this program, or every process of it, is killed or stopped.
Standard input, output and error belong to the command; what Holdfast says goes to standard error with its name.

Example, on an agent of a cluster:
  holdfast volume init /srv/orders-db --service orders-db
  holdfast run --service orders-db --store zookeeper://zk1:2181,zk2:2181/holdfast \\
    --volume /srv/orders-db --wait --user mysql -- mysqld --datadir=/srv/orders-db/data

Example, with storage that Holdfast fences, attaches and mounts itself:
  holdfast plan -f orders-db.yaml --store zookeeper://zk1:2181/holdfast
  holdfast volume init -f orders-db.yaml --store zookeeper://zk1:2181/holdfast
  holdfast run -f orders-db.yaml --store zookeeper://zk1:2181/holdfast --wait

Example, on one machine:
  holdfast run --service cache --store dir:///var/lib/holdfast --first-run -- redis-server --appendonly yes

An image with an entrypoint of its own keeps it: ENTRYPOINT holdfast run … -- /original-entrypoint
`;

const ENVIRONMENT = `The command gets, beside the environment of this program:
  HOLDFAST_SERVICE HOLDFAST_RUN HOLDFAST_EPOCH HOLDFAST_AGENT, and with --volume HOLDFAST_DATA_DIR
`;

/** The whole help text of `run`, good enough to use it alone. */
export function runHelp(): string {
  const lines = [HEAD];
  const flags: readonly FlagSpec[] = RUN_FLAGS;
  for (const group of new Set(flags.map((flag) => flag.group))) {
    lines.push(`${group}:`);
    for (const flag of flags.filter((f) => f.group === group)) lines.push(formatFlag(flag));
    lines.push("");
  }
  lines.push(ENVIRONMENT, "Exit codes: the command's own, 128 + n when signal n ended it, and:");
  for (const [name, code] of Object.entries(EXIT_CODES)) {
    lines.push(`  ${String(code).padEnd(4)} ${EXIT_CODE_MEANINGS[name as ExitCodeName]}`);
  }
  return `${lines.join("\n")}\n`;
}

const COLUMN = 32;
const WIDTH = 88;

function formatFlag(flag: FlagSpec): string {
  const value =
    flag.kind === "switch" ? "" : flag.kind === "optional-duration" ? `[=${flag.placeholder}]` : ` ${flag.placeholder}`;
  const head = `  ${flag.short === undefined ? "" : `-${flag.short}, `}--${flag.name}${value}`;
  const [first = "", ...rest] = wrap(flag.help, WIDTH);
  const opening = head.length >= COLUMN ? `${head}\n${" ".repeat(COLUMN)}${first}` : head.padEnd(COLUMN) + first;
  return [opening, ...rest.map((line) => " ".repeat(COLUMN) + line)].join("\n");
}

function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  return line === "" ? lines : [...lines, line];
}
