import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { startMarathonSim } from "@holdfast/marathon-sim";

const directory = await mkdtemp(join(tmpdir(), "marathon-sim-"));
const sim = await startMarathonSim({
  agents: [{ id: "agent-1" }, { id: "agent-2" }],
  directory,
  // 75 s until an agent counts as unreachable become 0.75 s; a second of an app's backoff 0.1 s.
  timeScale: { flags: 0.01, app: 0.1 },
});
const marathon = sim.urls[0];
const app = { id: "/naive", cmd: "exec sleep 1000", portDefinitions: [] };
await fetch(`${marathon}/v2/apps`, { method: "POST", body: JSON.stringify(app) });

const isRunning = (id: string) => sim.control.agent(id).state().tasks.length === 1;
while (!isRunning("agent-1")) await pause(10);

// The agent is off the network, its process goes on; with Marathon's defaults a second copy starts elsewhere.
sim.control.agent("agent-1").cut();
while (!isRunning("agent-2")) await pause(10);
console.log(isRunning("agent-1"), isRunning("agent-2")); // true true: two copies

await sim.close();
await rm(directory, { recursive: true });
