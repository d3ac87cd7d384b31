import { HoldfastError } from "@holdfast/core";

export const MARKER_NAME = "holdfast-store.json";
/** Where files and directories are completed before they get their real name. */
export const TEMPORARY_DIRECTORY = "tmp";
const RECORD_SUFFIX = ".rec";
const QUEUE_SUFFIX = ".queue";

/** What `encodeURIComponent` leaves and produces; no file system gives any of it a meaning. */
const SEGMENT = /^[A-Za-z0-9_.~!*'()%-]+$/;
/** NAME_MAX is 255 bytes; the rest is room for suffixes. */
const SEGMENT_BYTES_MAX = 240;
const NUMBER_DIGITS = 20;

/**
 * The directory of a path's children, relative to the root.
 * @throws `BAD_CONFIGURATION` for a path that could leave the root or be mistaken for one of the store's own names.
 */
export function childrenDirectory(path: string): string {
  const segments = path.split("/");
  if (segments[0] === TEMPORARY_DIRECTORY) throw badPath(path, `${TEMPORARY_DIRECTORY} is the store's own`);
  for (const segment of segments) {
    if (!SEGMENT.test(segment) || segment === "." || segment === "..") {
      throw badPath(path, `${JSON.stringify(segment)} is no segment`);
    }
    if (segment.length > SEGMENT_BYTES_MAX)
      throw badPath(path, `a segment has more than ${SEGMENT_BYTES_MAX} characters`);
    if (segment.endsWith(RECORD_SUFFIX) || segment.endsWith(QUEUE_SUFFIX)) {
      throw badPath(path, `a segment must not end in ${RECORD_SUFFIX} or ${QUEUE_SUFFIX}`);
    }
  }
  return path;
}

function badPath(path: string, why: string): HoldfastError {
  return new HoldfastError(
    "BAD_CONFIGURATION",
    `${JSON.stringify(path)} cannot be a path in a directory store: ${why}.`,
    {
      hint: "Rename the service or the agent.",
      detail: { path },
    },
  );
}

export const recordDirectory = (path: string) => `${childrenDirectory(path)}${RECORD_SUFFIX}`;
export const queueDirectory = (path: string) => `${childrenDirectory(path)}${QUEUE_SUFFIX}`;

/** What a directory entry stands for among the children of a path. */
export function childOf(entry: string): { readonly name: string; readonly isRecord: boolean } {
  if (entry.endsWith(RECORD_SUFFIX)) return { name: entry.slice(0, -RECORD_SUFFIX.length), isRecord: true };
  if (entry.endsWith(QUEUE_SUFFIX)) return { name: entry.slice(0, -QUEUE_SUFFIX.length), isRecord: false };
  return { name: entry, isRecord: false };
}

/** Zero-padded, so that names sort like numbers. */
export const numberName = (number: number) => String(number).padStart(NUMBER_DIGITS, "0");

/** Undefined for a name that this store never gave. */
export function parseNumberName(name: string): number | undefined {
  if (name.length !== NUMBER_DIGITS || !/^[0-9]+$/.test(name)) return undefined;
  const number = Number(name);
  return Number.isSafeInteger(number) ? number : undefined;
}

const CREATED = /^([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}):([0-9]+)$/;

/** Identity of a creation: the incarnation (its directory) and the number with which the record came into being. */
export const createdIdentity = (incarnation: string, number: number) => `${incarnation}:${number}`;

/** Undefined when no directory store can have made it. */
export function incarnationOf(created: string): string | undefined {
  return CREATED.exec(created)?.[1];
}

export const isIncarnationName = (name: string) => incarnationOf(`${name}:0`) !== undefined;
