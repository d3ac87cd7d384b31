import { type Command, Option } from "commander";
import { AGENT_VERBS, askControl, type ControlAnswer, failureOf, STORE_VERBS, type Verb } from "./control.js";
import { runDemo } from "./demo/demo.js";
import { FAULTS } from "./demo/scenario.js";
import { takeDown } from "./down.js";
import { ENGINE_NAMES } from "./engines/index.js";
import { registerInternal } from "./internal.js";
import { untilStopped } from "./interrupt.js";
import { defaultDirectory, layoutOf } from "./layout.js";
import {
  type ClusterFlags,
  DEV_TIMING,
  freeDirectory,
  parseCluster,
  parseFaults,
  parseWorkload,
  requirePossible,
} from "./options.js";
import { requireRunning } from "./require-running.js";
import { describeStatus } from "./status.js";
import { runUp } from "./up.js";

interface DemoFlags extends ClusterFlags {
  readonly demo?: boolean;
  readonly json?: boolean;
  readonly faults?: string;
  readonly summary?: string;
}

/** `holdfast dev`: a cluster on this machine, faults on command, and the demo. */
export function registerDev(program: Command): void {
  // A flag belongs to the command that it follows: `dev up --agents 2` is of `up`, though `dev` knows it too.
  program.enablePositionalOptions();
  const dev = program
    .command("dev")
    .enablePositionalOptions()
    .description("a cluster on this machine: try faults by hand, or watch the demo");
  withClusterFlags(dev)
    .option("--demo", "a real database, four faults, every acknowledged write checked")
    .option("--faults <list>", `of the demo, by number: ${FAULTS.map((f, i) => `${i + 1} ${f.name}`).join(", ")}`)
    .option("--summary <file>", "where the demo writes its summary as JSON (default: in its directory)")
    .option("--json", "machine-readable output")
    .action(async (flags: DemoFlags) => {
      if (flags.demo !== true) return dev.help({ error: true });
      await demo(flags);
    });
  withClusterFlags(dev.command("up"))
    .description("start a cluster in the foreground; ^C or `dev down` ends it")
    .argument("[command...]", "what to run instead of an engine, after --")
    .action((command: readonly string[], flags: ClusterFlags) => up(command, flags));
  registerVerbs(dev);
  registerInternal(dev);
}

function withClusterFlags(command: Command): Command {
  const ms = (name: string, value: number, help: string) =>
    command.addOption(new Option(`--${name} <ms>`, help).default(String(value)));
  command
    .option("--agents <n>", "machines of the cluster", "3")
    .option("--dir <directory>", "where everything of the cluster lies")
    .option("--zookeeper", "a real ZooKeeper as the store, instead of a directory")
    .addOption(new Option("--engine <name>", "what runs").choices(ENGINE_NAMES))
    .addOption(
      new Option("--network <kind>", "default: namespaces as root, else loopback").choices(["namespaces", "loopback"]),
    );
  // For tests: a script that stands in for `holdfast run`, to see that its absence would be noticed.
  command.addOption(new Option("--wrapper <program>").hideHelp());
  ms("lease-ms", DEV_TIMING.leaseMs, "short, to be watched; the product's default is ten times longer");
  ms("renew-ms", DEV_TIMING.renewMs, "time between renewals");
  ms("stop-budget-ms", DEV_TIMING.stopBudgetMs, "for a clean stop");
  ms("margin-ms", DEV_TIMING.marginMs, "reserve for kill and clock error");
  ms("guard-ms", DEV_TIMING.guardMs, "what a candidate waits beyond the lease");
  return command;
}

function registerVerbs(dev: Command): void {
  const help: Record<(typeof AGENT_VERBS)[number] | (typeof STORE_VERBS)[number], string> = {
    kill: "the machine dies: SIGKILL to everything on it",
    cut: "off the network and away from the store; its processes live on",
    heal: "undo kill, cut and pause",
    pause: "SIGSTOP to all of Holdfast's processes of the runs there, not to the database",
    "kill-wrapper": "SIGKILL to all of Holdfast's processes of the runs there",
    "hang-store": "the store does not answer any more",
    "resume-store": "the store answers again",
  };
  for (const verb of AGENT_VERBS) {
    withDirectory(dev.command(`${verb} <agent>`))
      .description(help[verb])
      .action((agent: string, flags: AskFlags) => ask(verb, agent, flags));
  }
  for (const verb of STORE_VERBS) {
    withDirectory(dev.command(verb))
      .description(help[verb])
      .action((flags: AskFlags) => ask(verb, null, flags));
  }
  withDirectory(dev.command("status"))
    .description("agents, runs and the store")
    .action((flags: AskFlags) => ask("status", null, flags));
  withDirectory(dev.command("down"))
    .description("end the cluster; also one whose program was killed")
    .action(async ({ dir }: AskFlags) => {
      process.stdout.write(`${await takeDown(layoutOf(dir))}\n`);
    });
}

interface AskFlags {
  readonly dir: string;
  readonly json?: boolean;
}

function withDirectory(command: Command): Command {
  return command
    .option("--dir <directory>", "the cluster's directory", defaultDirectory("dev"))
    .option("--json", "machine-readable output");
}

async function ask(verb: Verb, agent: string | null, flags: AskFlags): Promise<void> {
  const layout = layoutOf(flags.dir);
  requireRunning(layout);
  const answer = await askControl(layout.controlSocket, { verb, agent });
  if (answer.kind === "failed") throw failureOf(answer);
  process.stdout.write(`${flags.json === true ? JSON.stringify(answer) : linesOf(answer).join("\n")}\n`);
}

function linesOf(answer: Exclude<ControlAnswer, { kind: "failed" }>): readonly string[] {
  return answer.kind === "status" ? describeStatus(answer.status) : [answer.text];
}

async function up(command: readonly string[], flags: ClusterFlags): Promise<void> {
  const workload = parseWorkload(flags.engine, command);
  await untilStopped((stop) =>
    runUp({
      cluster: { ...parseCluster(flags, flags.dir ?? defaultDirectory("dev")), workload, writesPerSecond: null },
      stop,
      print: (line) => process.stdout.write(`${line}\n`),
    }),
  );
}

async function demo(flags: DemoFlags): Promise<void> {
  const workload = parseWorkload(flags.engine, []);
  if (workload.kind === "command") throw new Error("the demo runs an engine");
  const { engine, user } = workload;
  const cluster = parseCluster(flags, flags.dir ?? freeDirectory(defaultDirectory("demo")));
  const faults = parseFaults(flags.faults);
  requirePossible(faults, cluster);
  await untilStopped(async (stop) => {
    const { json, summary } = flags;
    const passed = await runDemo({
      cluster,
      engine,
      user,
      faults,
      json: json === true,
      summaryFile: summary ?? null,
      stop,
    });
    if (!passed) process.exitCode = 1;
  });
}
