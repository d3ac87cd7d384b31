import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Command, InvalidArgumentError } from "commander";
import { runAgent } from "./agent/daemon.js";
import { formatDataSet } from "./demo/read-back.js";
import { createEngine } from "./engines/index.js";
import type { ClientTarget } from "./engines/types.js";
import { runWriter } from "./writer/writer.js";

interface Place {
  readonly agent: string;
  readonly dir: string;
  readonly bind: string;
}

/** Commands by which a cluster starts its own processes; nobody types them. */
export function registerInternal(dev: Command): void {
  internal(dev, "__agent")
    .requiredOption("--host <address>")
    .requiredOption("--port <n>", "", toNumber)
    .requiredOption("--token-file <file>")
    .action(async (flags: Place & { host: string; port: number; tokenFile: string }) => {
      const { agent, dir: directory, bind, host, port, tokenFile } = flags;
      await runAgent({ agent, directory, bind, host, port, tokenFile });
    });
  internal(dev, "__writer")
    .requiredOption("--engine <name>")
    .requiredOption("--log <file>")
    .requiredOption("--writes-per-second <n>", "", toNumber)
    .action(async (flags: Place & { engine: string; log: string; writesPerSecond: number }) => {
      const engine = createEngine(flags.engine);
      const stop = new AbortController();
      process.once("SIGTERM", () => stop.abort());
      // Held by the program that started the cluster: at its end nobody reads what is written.
      process.stdin.once("end", () => stop.abort()).resume();
      const { agent, log: logFile, writesPerSecond } = flags;
      await runWriter({
        agent,
        engine,
        target: targetOf(flags, engine.port),
        logFile,
        writesPerSecond,
        signal: stop.signal,
      });
      process.stdin.destroy();
    });
  internal(dev, "__read")
    .requiredOption("--engine <name>")
    .requiredOption("--out <file>")
    .action(async (flags: Place & { engine: string; out: string }) => {
      const engine = createEngine(flags.engine);
      const session = await engine.connect(targetOf(flags, engine.port), AbortSignal.timeout(20_000));
      writeFileSync(flags.out, formatDataSet(await session.readAll()));
      session.close();
    });
}

function internal(dev: Command, name: string): Command {
  return dev
    .command(name, { hidden: true })
    .requiredOption("--agent <name>")
    .requiredOption("--dir <directory>")
    .requiredOption("--bind <address>");
}

function targetOf({ bind, dir }: Place, port: number): ClientTarget {
  return { bind, port, runDir: join(dir, "run") };
}

function toNumber(text: string): number {
  const value = Number(text);
  if (!Number.isFinite(value)) throw new InvalidArgumentError("not a number");
  return value;
}
