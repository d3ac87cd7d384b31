import { randomBytes } from "node:crypto";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { monotonicMs } from "@holdfast/effects";
import { command } from "../agents/command.js";
import { describeProcess, endScene, processesOfScene, signalProcess } from "../agents/processes.js";
import { until } from "../agents/until.js";
import type { Evidence } from "../judge/evidence.js";
import { readDataSet, readWriterLogs, type WriterOptions, writerCommand } from "../writer/index.js";
import { removeAbandonedScenes, signDirectory } from "./abandoned.js";
import type { FaultProfile } from "./profile.js";
import { quiet } from "./quiet.js";
import { type Run, startRun } from "./run.js";
import type { SceneStore, StoreAccess, StoreProvider } from "./stores/store.js";
import type { WrapperTree } from "./tree.js";
import { openVolume, type SceneVolume, type VolumeKind } from "./volume.js";
import type { WrapperUnderTest } from "./wrappers.js";

export interface SceneOptions {
  readonly wrapper: WrapperUnderTest;
  readonly store: StoreProvider;
  readonly profile: FaultProfile;
  readonly volume: VolumeKind;
}

export interface StartOptions {
  readonly writer?: Partial<WriterOptions>;
  /** Further flags of `holdfast run`. */
  readonly flags?: readonly string[];
  readonly wait?: boolean;
  /** Put before the wrapper's command line; must exec it in the end. */
  readonly before?: readonly string[];
  /** In the foreground of a terminal of its own. */
  readonly terminal?: boolean;
}

/** One fault row's own world: store, volume, agents, runs; nothing in it has a name that another row uses. */
export interface Scene {
  readonly id: string;
  readonly service: string;
  readonly directory: string;
  readonly profile: FaultProfile;
  readonly wrapper: WrapperUnderTest;
  readonly store: SceneStore;
  readonly volume: SceneVolume;
  readonly runs: readonly Run[];
  /** How that agent reaches the store; made at first use. */
  access(agent: string): Promise<StoreAccess>;
  volumePath(agent: string): Promise<string>;
  start(agent: string, options?: StartOptions): Promise<Run>;
  /** Waits until the run's application has so many writes acknowledged. */
  untilWritten(run: Run, writes: number): Promise<void>;
  /** Waits until the run says that it is in that phase. */
  untilPhase(run: Run, phase: string): Promise<void>;
  /** Runs a verb of the executable on that agent to its end. @throws Error with what it printed, when it fails. */
  tool(agent: string, ...verb: readonly string[]): Promise<string>;
  /** Starts a process that is no wrapper; it ends with the scene, or with `endAsides`. */
  startAside(name: string, argv: readonly string[]): Run;
  endAsides(): Promise<void>;
  treeOf(run: Run): Promise<WrapperTree>;
  evidence(faultMs: number): Evidence;
  /** The wrappers' own logs, for the message of a failed row. */
  report(): string;
  /** Processes that carry the scene's mark now. */
  processes(): string[];
  close(): Promise<void>;
}

const END_LIMIT_MS = 20_000;
/** A start that takes longer no longer holds up anybody. */
const START_LIMIT_MS = 5_000;
const START_LOOK_MS = 50;

export async function openScene(options: SceneOptions): Promise<Scene> {
  await removeAbandonedScenes();
  const started = await quiet.beginStart();
  try {
    return await open(options);
  } finally {
    started();
  }
}

async function open(options: SceneOptions): Promise<Scene> {
  const { wrapper, profile } = options;
  const id = `hf-${randomBytes(4).toString("hex")}`;
  const service = `svc-${id}`;
  const directory = realpathSync(mkdtempSync(join(tmpdir(), `${id}-`)));
  chmodSync(directory, 0o755);
  signDirectory(directory);
  endAtExit(id);
  const undo: (() => Promise<void>)[] = [async () => rmSync(directory, { recursive: true, force: true })];
  const close = closeOnce(id, undo);
  try {
    if (process.getuid?.() === 0) undo.push(await shareMounts(directory));
    const volume = await openVolume(options.volume, directory);
    undo.push(volume.close);
    await wrapper.markVolume(volume.root, service);
    const store = await options.store.open({ id, directory });
    undo.push(store.close);
    return makeScene({ id, service, directory, profile, wrapper, store, volume, close });
  } catch (error) {
    await close();
    throw error;
  }
}

type SceneParts = Pick<Scene, "id" | "service" | "directory" | "profile" | "wrapper" | "store" | "volume" | "close">;

function makeScene(parts: SceneParts): Scene {
  const { id, service, directory, profile, wrapper, store, volume } = parts;
  const runs: Run[] = [];
  const asides: Run[] = [];
  const once = <T>(make: (agent: string) => Promise<T>) => {
    const made = new Map<string, Promise<T>>();
    return (agent: string) => {
      const known = made.get(agent) ?? make(agent);
      made.set(agent, known);
      return known;
    };
  };
  const access = once((agent) => store.access(agent));
  const volumePath = once((agent) => volume.present(agent));
  return {
    ...parts,
    runs,
    access,
    volumePath,
    async start(agent, options = {}) {
      const name = `${agent}${runs.filter((run) => run.agent === agent).length + 1}`;
      const runDirectory = join(directory, name);
      mkdirSync(runDirectory);
      const { url, enter } = await access(agent);
      const path = await volumePath(agent);
      const started = await quiet.beginStart();
      const run = startRun({
        scene: id,
        name,
        agent,
        directory: runDirectory,
        terminal: options.terminal ?? false,
        environment: wrapper.kind === "naive" ? { HOLDFAST_DATA_DIR: join(path, "data") } : {},
        argv: [
          ...enter,
          ...(options.before ?? []),
          ...wrapper.command({
            service,
            store: url,
            agent,
            timing: profile.timing,
            volume: path,
            directory: runDirectory,
            wait: options.wait ?? true,
            flags: options.flags ?? [],
            application: writerCommand({ ...options.writer, logDirectory: runDirectory }),
          }),
        ],
      });
      runs.push(run);
      void untilUp(run, wrapper).finally(started);
      return run;
    },
    async untilWritten(run, writes) {
      await until(
        `${run.name} to have ${writes} writes acknowledged`,
        () => {
          if (run.acknowledged() >= writes) return true;
          const exit = run.exit();
          if (exit !== undefined)
            throw new Error(
              `${run.name} ended after ${run.acknowledged()} writes of ${writes}: ${JSON.stringify(exit)}`,
            );
          return false;
        },
        { timeoutMs: profile.patienceMs, seen: () => `${run.acknowledged()} writes` },
      );
    },
    async untilPhase(run, phase) {
      let seen: string | undefined;
      await until(
        `${run.name} to be ${phase}`,
        async () => {
          seen = await wrapper.phase(run);
          return seen === phase;
        },
        { timeoutMs: profile.patienceMs, seen: () => `${seen ?? "nothing"}\n${run.log()}` },
      );
    },
    async tool(agent, ...verb) {
      const { url, enter } = await access(agent);
      const [file, ...args] = [...enter, ...wrapper.tool(verb, service, url)];
      if (file === undefined) throw new Error("an empty command");
      return (await command([file, ...args])).stdout;
    },
    startAside(name, argv) {
      const runDirectory = join(directory, name);
      mkdirSync(runDirectory);
      const aside = startRun({ scene: id, name, agent: name, directory: runDirectory, environment: {}, argv });
      asides.push(aside);
      return aside;
    },
    async endAsides() {
      for (const aside of asides) {
        if (aside.exit() === undefined) aside.signal("SIGKILL");
        await aside.untilExit(END_LIMIT_MS);
      }
    },
    treeOf: (run) =>
      until(`the processes of ${run.name}`, () => wrapper.tree(run), {
        timeoutMs: profile.patienceMs,
        seen: () => run.log(),
      }),
    evidence: (faultMs) => ({
      logs: runs.flatMap((run) => readWriterLogs(run.directory)),
      data: readDataSet(join(volume.root, "data")),
      faultMs,
    }),
    report: () => runs.map((run) => `--- ${run.name} (exit ${JSON.stringify(run.exit())})\n${run.log()}`).join("\n"),
    processes: () => processesOfScene(id).map(describeProcess),
  };
}

/** Never rejects: whoever needs the run waits for it with a message of his own. */
async function untilUp(run: Run, wrapper: WrapperUnderTest): Promise<void> {
  const limitMs = monotonicMs() + START_LIMIT_MS;
  while (monotonicMs() < limitMs && run.exit() === undefined && run.acknowledged() === 0) {
    if ((await wrapper.phase(run)) === "waiting-for-lease") return;
    await pause(START_LOOK_MS);
  }
}

const openScenes = new Set<string>();
let endsAtExit = false;

/** A test process that ends in the middle of a row takes its processes along; mounts are left to the next one. */
function endAtExit(id: string): void {
  if (!endsAtExit) process.once("exit", endAll);
  endsAtExit = true;
  openScenes.add(id);
}

function endAll(): void {
  for (const id of openScenes) for (const seen of processesOfScene(id)) signalProcess(seen, "SIGKILL");
}

function closeOnce(id: string, undo: (() => Promise<void>)[]): () => Promise<void> {
  let closing: Promise<void> | undefined;
  return () => {
    closing ??= (async () => {
      await endScene(id, END_LIMIT_MS);
      openScenes.delete(id);
      // Every step is tried, whatever the one before it met; the first error is the one that is told.
      const errors: unknown[] = [];
      for (const step of undo.reverse()) {
        try {
          await step();
        } catch (error) {
          errors.push(error);
        }
      }
      if (errors.length > 0)
        throw new AggregateError(errors, `scene ${id} could not be taken down: ${errors.join("; ")}`);
    })();
    return closing;
  };
}

/**
 * Makes the scene's directory a mount whose changes reach the mount namespaces of the trees (they are slaves): an
 * unmount of the suite is then seen inside, and no tree of another row pins it.
 */
async function shareMounts(directory: string): Promise<() => Promise<void>> {
  await command(["mount", "--bind", directory, directory]);
  await command(["mount", "--make-shared", directory]);
  return async () => {
    await command(["umount", "-l", directory]);
    const left = readFileSync("/proc/self/mountinfo", "utf8")
      .split("\n")
      .filter((line) => line.includes(` ${directory}`));
    if (left.length > 0) throw new Error(`mounts are left: ${left.join("; ")}`);
  };
}
