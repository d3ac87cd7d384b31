#!/usr/bin/env node
// @ts-check
/**
 * The control: takes the flags of `holdfast run`, answers health checks and starts the command at once, trusting the
 * orchestrator that there is only one. What the demo shows with it is what the lease prevents.
 */
import { spawn } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";

const words = process.argv.slice(2);
const split = words.indexOf("--");
const flags = words.slice(0, split);
const flag = (/** @type {string} */ name) => flags[flags.indexOf(name) + 1] ?? "";

const counter = join(flag("--volume"), "epoch");
const epoch = (existsSync(counter) ? Number(readFileSync(counter, "utf8")) : 0) + 1;
writeFileSync(counter, String(epoch));

const env = { ...process.env, HOLDFAST_EPOCH: String(epoch), HOLDFAST_DATA_DIR: join(flag("--volume"), "data") };
const user = flag("--user");
const become =
  user === "" || !flags.includes("--user") ? [] : ["setpriv", `--reuid=${user}`, `--regid=${user}`, "--clear-groups"];
const [file = "", ...args] = [...become, ...words.slice(split + 1)];
const child = spawn(file, args, { env, stdio: "inherit" });
process.on("SIGTERM", () => child.kill("SIGTERM"));
child.on("exit", (code) => process.exit(code ?? 1));

const status = {
  ...{
    v: 1,
    service: flag("--service"),
    run: `control-${process.pid}`,
    pid: process.pid,
    phase: "running",
    phaseMs: 0,
  },
  ...{
    phaseLimitMs: null,
    epoch: String(epoch),
    holder: null,
    leaseMarginMs: null,
    leaseMarginMsMin: null,
    renewals: 0,
  },
  ...{ lockProcessRestarts: 0, volumeCheckAgeMs: null, eventLoopDelayMsMax: null, protection: "none", grade: "none" },
};
createServer((socket) => socket.end(JSON.stringify(status))).listen(flag("--status-socket"));
