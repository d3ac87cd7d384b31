import { type AttachmentRecord, formatRecord, parseRecord } from "../attachment-record.js";
import { formatRange, parseAddress, parseRange, without } from "./address-range.js";

/** One address that must not reach one volume. */
export interface Fence {
  /** `service.role`. */
  readonly volume: string;
  readonly agent: string;
  readonly address: string;
  /** Directory of MooseFS. */
  readonly path: string;
}

/** mfsexports.cfg(5): what the operator wrote, and what is kept in its comments for the volumes. */
export interface ExportsFile {
  /** The operator's lines as they were. */
  readonly lines: readonly string[];
  /** By `service.role`. */
  readonly records: ReadonlyMap<string, AttachmentRecord>;
  readonly fences: readonly Fence[];
}

const TAG = "# holdfast";
const NOTICE = `${TAG} keeps these comments and the lines between "original" and "end"; change the originals.`;

/** Pure. Inverse of {@link renderExports}. */
export function parseExports(text: string): ExportsFile {
  const lines: string[] = [];
  const records = new Map<string, AttachmentRecord>();
  const fences: Fence[] = [];
  let derived = false;
  for (const line of text.replace(/\n$/, "").split("\n")) {
    if (line.startsWith(`${TAG} original `)) {
      lines.push(line.slice(`${TAG} original `.length));
      derived = true;
    } else if (line === `${TAG} end`) {
      derived = false;
    } else if (line.startsWith(TAG)) {
      const [kind, volume = "", ...rest] = line.slice(TAG.length + 1).split(" ");
      const record = kind === "record" ? parseRecord(rest[0]) : undefined;
      if (record !== undefined) records.set(volume, record);
      const [agent = "", address = "", path = ""] = rest;
      if (kind === "fence") fences.push({ volume, agent: decodeURIComponent(agent), address, path: decodeURI(path) });
    } else if (!derived) {
      lines.push(line);
    }
  }
  return { lines, records, fences };
}

/** Pure. Each of the operator's lines that lets a fenced address write to its path gives way to lines for the other addresses. */
export function renderExports({ lines, records, fences }: ExportsFile): string {
  const managed = [
    ...[...records].map(([volume, record]) => `${TAG} record ${volume} ${formatRecord(record)}`),
    ...fences.map(
      ({ volume, agent, address, path }) =>
        `${TAG} fence ${volume} ${encodeURIComponent(agent)} ${address} ${encodeURI(path)}`,
    ),
  ];
  const body = lines.flatMap((line) => {
    const refused = refusedBy(line, fences);
    if (refused.length === 0) return [line];
    const [addresses = "", ...rest] = line.trim().split(/\s+/);
    const range = parseRange(addresses);
    const kept = range === undefined ? [] : without(range, refused);
    return [`${TAG} original ${line}`, ...kept.map((part) => [formatRange(part), ...rest].join(" ")), `${TAG} end`];
  });
  return `${[...(managed.length === 0 ? [] : [NOTICE, ...managed]), ...body].join("\n")}\n`;
}

function refusedBy(line: string, fences: readonly Fence[]): number[] {
  const entry = parseEntry(line);
  if (entry === undefined) return [];
  return fences.flatMap(({ address, path }) => {
    const value = parseAddress(address);
    const applies = value !== undefined && value >= entry.from && value <= entry.to && reaches(entry.directory, path);
    return applies ? [value] : [];
  });
}

export interface ExportEntry {
  readonly from: number;
  readonly to: number;
  readonly directory: string;
  readonly options: readonly string[];
}

/** A line that gives write access to files; undefined for comments, read-only lines and the trash (`.`). */
export function parseEntry(line: string): ExportEntry | undefined {
  if (line.trimStart().startsWith("#")) return undefined;
  const [addresses, directory, options = ""] = line.trim().split(/\s+/);
  const range = addresses === undefined ? undefined : parseRange(addresses);
  if (range === undefined || directory === undefined || directory === ".") return undefined;
  const words = options.split(",");
  if (!words.includes("rw") && !words.includes("readwrite")) return undefined;
  return { ...range, directory: directoryOf(directory), options: words };
}

/** Relative directories are the root's, slashes at the end mean nothing. */
export function directoryOf(text: string): string {
  return `/${text.replace(/^\/+|\/+$/g, "")}`;
}

/** Whoever may mount a directory above a path, or one below it, reaches files of it. */
export function reaches(directory: string, path: string): boolean {
  const below = (inner: string, outer: string) => outer === "/" || inner === outer || inner.startsWith(`${outer}/`);
  return below(path, directory) || below(directory, path);
}
