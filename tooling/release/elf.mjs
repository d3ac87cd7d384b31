// @ts-check
import { closeSync, openSync, readSync } from "node:fs";

/** @typedef {{ readonly libraries: readonly string[], readonly versions: readonly string[] }} ElfNeeds */

const HEADER_BYTES = 64;
const PT_LOAD = 1;
const PT_DYNAMIC = 2;
const DT_NEEDED = 1n;
const DT_STRTAB = 5n;
const DT_STRSZ = 10n;
const DT_VERNEED = 0x6ffffffen;
const DT_VERNEEDNUM = 0x6fffffffn;

/**
 * What the dynamic loader will look for before it starts a program: the libraries, and the symbol versions they must
 * have. The names are those of the ELF specification and of the Linux Standard Base (symbol versioning).
 *
 * @param {string} path - A 64-bit little-endian executable.
 * @returns {ElfNeeds}
 */
export function readElfNeeds(path) {
  const file = openSync(path, "r");
  /** @param {number} offset @param {number} bytes */
  const read = (offset, bytes) => {
    const buffer = Buffer.alloc(bytes);
    if (readSync(file, buffer, 0, bytes, offset) !== bytes) throw new Error(`${path} ends before ${offset + bytes}`);
    return buffer;
  };
  try {
    const header = read(0, HEADER_BYTES);
    if (header.toString("latin1", 0, 4) !== "\x7fELF" || header[4] !== 2 || header[5] !== 1) {
      throw new Error(`${path} is not a 64-bit little-endian ELF file`);
    }
    const segments = readSegments(read, header);
    const dynamic = segments.find(({ type }) => type === PT_DYNAMIC);
    if (dynamic === undefined) return { libraries: [], versions: [] };
    return readDynamic(read, segments, read(dynamic.offset, dynamic.bytes));
  } finally {
    closeSync(file);
  }
}

/** @typedef {(offset: number, bytes: number) => Buffer} Read */
/** @typedef {{ type: number, offset: number, address: number, bytes: number }} Segment */

/**
 * @param {Read} read
 * @param {Buffer} header
 * @returns {Segment[]}
 */
function readSegments(read, header) {
  const [start, size, count] = [Number(header.readBigUInt64LE(32)), header.readUInt16LE(54), header.readUInt16LE(56)];
  const table = read(start, size * count);
  return Array.from({ length: count }, (_, index) => ({
    type: table.readUInt32LE(index * size),
    offset: Number(table.readBigUInt64LE(index * size + 8)),
    address: Number(table.readBigUInt64LE(index * size + 16)),
    bytes: Number(table.readBigUInt64LE(index * size + 32)),
  }));
}

/**
 * @param {Read} read
 * @param {readonly Segment[]} segments
 * @param {Buffer} dynamic
 * @returns {ElfNeeds}
 */
function readDynamic(read, segments, dynamic) {
  const entries = Array.from({ length: dynamic.length / 16 }, (_, index) => ({
    tag: dynamic.readBigUInt64LE(index * 16),
    value: Number(dynamic.readBigUInt64LE(index * 16 + 8)),
  }));
  const valueUnder = (/** @type {bigint} */ wanted) => entries.find(({ tag }) => tag === wanted)?.value ?? 0;
  const offsetOf = (/** @type {number} */ address) => {
    const segment = segments.find(
      (entry) => entry.type === PT_LOAD && address >= entry.address && address < entry.address + entry.bytes,
    );
    if (segment === undefined) throw new Error(`no part of the file is loaded at ${address}`);
    return address - segment.address + segment.offset;
  };
  const strings = read(offsetOf(valueUnder(DT_STRTAB)), valueUnder(DT_STRSZ));
  const stringAt = (/** @type {number} */ at) => strings.toString("latin1", at, strings.indexOf(0, at));
  const versions = [];
  let need = valueUnder(DT_VERNEEDNUM) === 0 ? 0 : offsetOf(valueUnder(DT_VERNEED));
  for (let left = valueUnder(DT_VERNEEDNUM); left > 0; left -= 1) {
    const record = read(need, 16);
    let auxiliary = need + record.readUInt32LE(8);
    for (let names = record.readUInt16LE(2); names > 0; names -= 1) {
      const name = read(auxiliary, 16);
      versions.push(stringAt(name.readUInt32LE(8)));
      auxiliary += name.readUInt32LE(12);
    }
    need += record.readUInt32LE(12);
  }
  const libraries = entries.filter(({ tag }) => tag === DT_NEEDED).map(({ value }) => stringAt(value));
  return { libraries, versions: [...new Set(versions)] };
}

/**
 * The oldest glibc that has all these symbol versions.
 *
 * @param {readonly string[]} versions
 * @returns {string} for example `2.28`
 */
export function glibcFloor(versions) {
  const minors = versions.map((name) => /^GLIBC_2\.(\d+)/.exec(name)?.[1]).filter((minor) => minor !== undefined);
  if (minors.length === 0) throw new Error("no glibc version is named; is it linked dynamically?");
  return `2.${Math.max(...minors.map(Number))}`;
}
