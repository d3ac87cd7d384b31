import { type ErrorCode, HoldfastError } from "@holdfast/core";
import type { HttpAnswer } from "@holdfast/effects";

export interface Asked {
  /** The call's name: `RESERVE_RESOURCES`. */
  readonly type: string;
  readonly effect: "read" | "write";
}

interface Reading {
  readonly code: ErrorCode;
  readonly hint: string;
  readonly retryable?: boolean;
}

const TEXT_MAX = 600;

/**
 * The error for an answer that is not a success. By status alone: Mesos's sentences are for people and change between
 * versions, so that "in use", "not there" and "agent unknown" are one code here and told apart by reading GET_AGENTS. Pure.
 */
export function errorOf(answer: Pick<HttpAnswer, "status" | "text" | "url">, asked: Asked): HoldfastError {
  const { code, hint, retryable = false } = read(answer.status, asked);
  const text = answer.text.replace(/\s+/g, " ").trim().slice(0, TEXT_MAX);
  const words = text === "" ? "no explanation" : text;
  return new HoldfastError(code, `${asked.type}: Mesos at ${answer.url.origin} answered ${answer.status}: ${words}`, {
    hint,
    retryable,
    detail: { status: answer.status, endpoint: answer.url.origin, call: asked.type },
  });
}

function read(status: number, { type, effect }: Asked): Reading {
  if (status === 400 && effect === "write") {
    return {
      code: "INVALID_SPEC",
      hint:
        "The agent is not known (unreachable, removed, recovering), the volume is in use or not there, or the request is " +
        "wrong. Read GET_AGENTS and decide again; nothing was changed.",
    };
  }
  if (status === 400)
    return { code: "INVALID_SPEC", hint: "The master does not understand the call. Check its version." };
  if (status === 401) {
    return {
      code: "DENIED",
      hint: "The credentials are missing or wrong. The file is read again for each request; correct it in place.",
    };
  }
  if (status === 403) return { code: "DENIED", hint: "The master's ACLs do not permit this to the principal." };
  if (status === 409) return notContained(type);
  if (status >= 500 && effect === "write") {
    return {
      code: "UNKNOWN_OUTCOME",
      hint: "It may have been applied. Read GET_AGENTS before repeating it: a repeated change is applied twice.",
    };
  }
  if (status >= 500) {
    return {
      code: "API_UNREACHABLE",
      retryable: true,
      hint: "No leader, or the master is recovering. Call again later.",
    };
  }
  return { code: "API_UNREADABLE", hint: "Check that the address is a Mesos master's." };
}

/** 409: a valid call, but the agent's free resources do not contain what it is about. */
function notContained(type: string): Reading {
  if (type === "RESERVE_RESOURCES" || type === "CREATE_VOLUMES") {
    return {
      code: "NO_CAPACITY",
      hint: "The agent does not have it free, or reserved exactly so. Read GET_AGENTS; wait, or choose another agent.",
    };
  }
  return {
    code: "VERSION_CONFLICT",
    hint: "What should be changed is in use, was changed already, or looks different. Read GET_AGENTS and decide again.",
  };
}

/** A success that cannot be read. For a change, that it was applied can then only be read back. */
export function unreadable(answer: Pick<HttpAnswer, "status" | "url">, asked: Asked, problem: string): HoldfastError {
  const write = asked.effect === "write";
  const message = `${asked.type}: the answer (${answer.status}) of ${answer.url.origin} cannot be read: ${problem}`;
  return new HoldfastError(write ? "UNKNOWN_OUTCOME" : "API_UNREADABLE", message, {
    hint: write
      ? "Read GET_AGENTS for what it should have changed. Check that the address is a Mesos master's."
      : "Check that the address is a Mesos master's, and its version.",
    detail: { status: answer.status, endpoint: answer.url.origin, call: asked.type },
  });
}
