#!/usr/bin/env node
import { lookup } from "node:dns/promises";
import { mkdirSync } from "node:fs";
import { parseArgs } from "node:util";
import { HoldfastError } from "@holdfast/core";
import { REFUSED_EXIT_CODE, type ServerAnswer } from "../answer.js";
import { apply, resume, stop, type VolumePlace } from "./apply.js";
import { exportedVolume, readServerConfig } from "./config.js";
import type { ServerRequest } from "./decide.js";
import { lockVolume } from "./lock.js";
import { formatImage, repairImage } from "./repair.js";
import { readState, statePath } from "./state.js";
import { lookAtVolume } from "./status.js";

const USAGE = `holdfast-nbd-server --config FILE status VOLUME
                                  attach VOLUME AGENT ADDRESS EPOCH
                                  detach VOLUME AGENT
                                  fence  VOLUME AGENT EPOCH BY-EPOCH
                                  unfence VOLUME AGENT
                                  resume VOLUME | stop VOLUME
                                  repair VOLUME safe|force ext4|xfs
                                  format VOLUME ext4|xfs
Prints one line of JSON (repair, format: what the tool says). Exit code 0 done, ${REFUSED_EXIT_CODE} refused, 64 usage.
`;

const answer = (value: ServerAnswer) => process.stdout.write(`${JSON.stringify(value)}\n`);

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({ options: { config: { type: "string" } }, allowPositionals: true });
  const [verb, name, ...rest] = positionals;
  if (values.config === undefined || verb === undefined || name === undefined) return usage();
  const config = await readServerConfig(values.config);
  const place = { name, volume: exportedVolume(config, name), stateDirectory: config.stateDirectory };
  mkdirSync(config.stateDirectory, { recursive: true, mode: 0o700 });
  const unlock = await lockVolume(`${config.stateDirectory}/${name}.lock`, verb === "status" ? "shared" : "exclusive");
  try {
    return await underLock(place, verb, rest);
  } finally {
    await unlock();
  }
}

async function underLock(place: VolumePlace, verb: string, args: readonly string[]): Promise<number> {
  if (verb === "format") return formatImage(place, args[0] ?? "");
  if (verb === "repair") {
    return repairImage(place, args[0] === "force" ? "force" : "safe", args[1] ?? "");
  }
  if (!(await perform(place, verb, args))) return usage();
  const stateFile = statePath(place.stateDirectory, place.name);
  const state = await readState(stateFile);
  answer({ ok: true, status: await lookAtVolume(place.name, place.volume, state, stateFile) });
  return 0;
}

/** False when there is no such verb. */
async function perform(place: VolumePlace, verb: string, args: readonly string[]): Promise<boolean> {
  const request = await parseRequest(verb, args);
  if (request !== undefined) await apply(place, request);
  else if (verb === "resume") await resume(place);
  else if (verb === "stop") await stop(place);
  else return verb === "status";
  return true;
}

async function parseRequest(verb: string, args: readonly string[]): Promise<ServerRequest | undefined> {
  const [agent = "", second = "", third = ""] = args;
  switch (verb) {
    case "attach":
      return { verb, agent: word(agent), address: (await lookup(second)).address, epoch: epoch(third) };
    case "detach":
    case "unfence":
      return { verb, agent: word(agent) };
    case "fence":
      return { verb, agent: word(agent), epoch: epoch(second), byEpoch: epoch(third) };
    default:
      return undefined;
  }
}

function word(text: string): string {
  if (text !== "") return text;
  throw new HoldfastError("INVALID_SPEC", "An argument is missing.", { hint: USAGE });
}

function epoch(text: string): bigint {
  if (/^[0-9]{1,39}$/.test(text)) return BigInt(text);
  throw new HoldfastError("INVALID_SPEC", `"${text}" is no epoch.`, { hint: "A decimal number." });
}

function usage(): number {
  process.stderr.write(USAGE);
  return 64;
}

function refusal(error: unknown): ServerAnswer {
  if (error instanceof HoldfastError) {
    const { code, message, hint, retryable, detail } = error;
    return { ok: false, error: { code, message, hint, retryable, detail } };
  }
  const message = error instanceof Error ? error.message : String(error);
  return { ok: false, error: { code: "INTERNAL", message, hint: "See the server.", retryable: false, detail: {} } };
}

try {
  process.exitCode = await main();
} catch (error) {
  answer(refusal(error));
  process.exitCode = REFUSED_EXIT_CODE;
}
