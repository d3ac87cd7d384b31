import { randomUUID } from "node:crypto";
import { lstat, readFile, rename, utimes } from "node:fs/promises";
import type { QueueCandidate } from "@holdfast/core";
import type { StoreCall } from "./calls.js";
import { isErrno } from "./errors.js";
import { listIfThere, removeFile, writeHint } from "./files.js";
import { makeParents } from "./incarnation.js";
import { numberName, parseNumberName, queueDirectory, TEMPORARY_DIRECTORY } from "./names.js";
import { isOwner, judgeOwner, type Owner } from "./owner.js";

/**
 * A place in a queue is a file `<number>-<uuid>`. Numbers of tickets drawn at the same time may be equal; then the
 * uuid orders them. Nothing here is durable or checked, since a queue orders and never forbids (lease rule 8).
 */
export interface Ticket {
  readonly name: string;
  readonly candidate: QueueCandidate;
  readonly owner: Owner;
}

/**
 * A candidate in another container's PID namespace cannot be seen to end; it counts as gone when its ticket was not
 * touched for this long. Asking for one's place touches it.
 */
const SILENT_MS = 300_000;
const FORMAT = 1;

/** Draws a ticket behind all that are there. */
export async function drawTicket(
  call: StoreCall,
  path: string,
  candidate: QueueCandidate,
  owner: Owner,
): Promise<Ticket> {
  await makeParents(call.root, queueDirectory(path));
  const last = (await ticketNames(call, path)).at(-1);
  const number = last === undefined ? 0 : numberOf(last) + 1;
  const name = `${numberName(number)}-${randomUUID()}`;
  const temporary = `${call.root}/${TEMPORARY_DIRECTORY}/${name}`;
  try {
    await writeHint(temporary, JSON.stringify({ v: FORMAT, candidate, owner }));
    call.beginEffect();
    await rename(temporary, fileOf(call, path, name));
  } catch (error) {
    await removeFile(temporary);
    throw error;
  }
  return { name, candidate, owner };
}

export async function removeTicket(call: StoreCall, path: string, name: string): Promise<void> {
  await removeFile(fileOf(call, path, name));
}

/** Tickets of a queue, with what they say kept: a ticket's file never changes. */
export class QueueReader {
  readonly #path: string;
  readonly #self: Owner;
  #known = new Map<string, Ticket>();

  constructor(path: string, self: Owner) {
    this.#path = path;
    this.#self = self;
  }

  /**
   * Those whose candidate lives, first come first; removes the others.
   * @param own - Name of the caller's ticket, which is touched.
   */
  async living(call: StoreCall, own?: string): Promise<Ticket[]> {
    const names = await ticketNames(call, this.#path);
    if (own !== undefined) await this.#touch(call, own);
    const nowMs = Date.now();
    const living: Ticket[] = [];
    for (const name of names) {
      const ticket = this.#known.get(name) ?? (await this.#read(call, name));
      if (ticket === undefined) continue;
      if (name !== own && (await this.#isGone(call, ticket, nowMs))) await removeTicket(call, this.#path, name);
      else living.push(ticket);
    }
    this.#known = new Map(living.map((ticket) => [ticket.name, ticket]));
    return living;
  }

  async #read(call: StoreCall, name: string): Promise<Ticket | undefined> {
    try {
      return parseTicket(name, await readFile(fileOf(call, this.#path, name), "utf8"));
    } catch (error) {
      if (isErrno(error, "ENOENT")) return undefined;
      throw error;
    }
  }

  async #isGone(call: StoreCall, ticket: Ticket, nowMs: number): Promise<boolean> {
    const judgement = judgeOwner(ticket.owner, this.#self);
    if (judgement !== "unknown") return judgement === "gone";
    const touchedMs = await modifiedMs(fileOf(call, this.#path, ticket.name));
    return touchedMs !== undefined && touchedMs < nowMs - SILENT_MS;
  }

  async #touch(call: StoreCall, own: string): Promise<void> {
    const now = new Date();
    try {
      await utimes(fileOf(call, this.#path, own), now, now);
    } catch (error) {
      if (!isErrno(error, "ENOENT")) throw error;
    }
  }
}

async function ticketNames(call: StoreCall, path: string): Promise<string[]> {
  const names = (await listIfThere(`${call.root}/${queueDirectory(path)}`)) ?? [];
  return names.filter((name) => parseNumberName(name.split("-", 1)[0] ?? "") !== undefined).sort();
}

const numberOf = (name: string) => parseNumberName(name.split("-", 1)[0] ?? "") ?? 0;

export const ticketFile = (path: string, name: string) => `${queueDirectory(path)}/${name}`;
const fileOf = (call: StoreCall, path: string, name: string) => `${call.root}/${ticketFile(path, name)}`;

async function modifiedMs(file: string): Promise<number | undefined> {
  try {
    return (await lstat(file)).mtimeMs;
  } catch (error) {
    if (isErrno(error, "ENOENT")) return undefined;
    throw error;
  }
}

/** Undefined for what is no ticket of this format; it then orders nobody. */
function parseTicket(name: string, text: string): Ticket | undefined {
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
  if (typeof content !== "object" || content === null) return undefined;
  const { v, candidate, owner } = content as Record<string, unknown>;
  return v === FORMAT && isCandidate(candidate) && isOwner(owner) ? { name, candidate, owner } : undefined;
}

function isCandidate(value: unknown): value is QueueCandidate {
  if (typeof value !== "object" || value === null) return false;
  const { run, agent, since } = value as Record<string, unknown>;
  return typeof run === "string" && typeof agent === "string" && typeof since === "string";
}
