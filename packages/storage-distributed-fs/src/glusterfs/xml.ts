/** What the gluster command prints with `--xml` (cli/src/cli-xml-output.c). Pure; an element that is missing is empty. */

export interface CliAnswer {
  readonly ok: boolean;
  /** In the words of glusterd. */
  readonly problem: string;
}

export interface Brick {
  /** `host:/path`. */
  readonly name: string;
  readonly host: string;
  /** Bricks of one replica or disperse set carry the same number. */
  readonly set: number;
}

export interface VolumeInfo {
  readonly status: string;
  readonly bricks: readonly Brick[];
  /** Copies in a set; 1 = none. */
  readonly replicas: number;
  /** Bricks of a set in a dispersed volume; 0 = not dispersed. */
  readonly dispersed: number;
  /** Only those that were set. */
  readonly options: ReadonlyMap<string, string>;
}

export interface BrickState {
  readonly name: string;
  readonly online: boolean;
  /** Addresses without port; empty unless clients were asked for. */
  readonly clients: readonly string[];
}

export interface HealState {
  readonly brick: string;
  readonly connected: boolean;
  /** Paths, or `<gfid:…>` where the path is not known. */
  readonly entries: readonly string[];
}

/** Undefined: this is not the command's XML. */
export function parseAnswer(xml: string): CliAnswer | undefined {
  if (!xml.includes("<cliOutput>")) return undefined;
  const problem = text(xml, "opErrstr") || text(xml, "output");
  return { ok: text(xml, "opRet") === "0", problem };
}

/** Undefined: no such volume. */
export function parseVolumeInfo(xml: string, volume: string): VolumeInfo | undefined {
  const found = blocks(xml, "volume").find((block) => text(block, "name") === volume);
  if (found === undefined) return undefined;
  const replicas = Math.max(1, Number(text(found, "replicaCount") || 1));
  const dispersed = Number(text(found, "disperseCount") || 0);
  const setSize = Math.max(replicas, dispersed);
  const bricks = blocks(found, "brick").map((block, index) => {
    const name = text(block, "name");
    return { name, host: hostOf(name), set: Math.floor(index / setSize) };
  });
  const options = blocks(found, "option").map((block) => [text(block, "name"), text(block, "value")] as const);
  return { status: text(found, "statusStr"), bricks, replicas, dispersed, options: new Map(options) };
}

export function parseBrickStates(xml: string): BrickState[] {
  return blocks(xml, "node").flatMap((block) => {
    const path = text(block, "path");
    if (!path.startsWith("/")) return []; // self-heal daemons are listed with the bricks
    const clients = blocks(block, "client").map((client) => text(client, "hostname").replace(/:\d+$/, ""));
    return [{ name: `${text(block, "hostname")}:${path}`, online: text(block, "status") === "1", clients }];
  });
}

export function parseHeal(xml: string): HealState[] {
  return blocks(xml, "brick").map((block) => ({
    brick: text(block, "name"),
    connected: text(block, "status") === "Connected",
    entries: blocks(block, "file"),
  }));
}

/** Effective values; ` (DEFAULT)` is taken off, `(null)` is empty. */
export function parseOptions(xml: string): Map<string, string> {
  return new Map(
    blocks(xml, "Opt").map((block) => {
      const value = text(block, "Value").replace(/ \(DEFAULT\)$/, "");
      return [text(block, "Option"), value === "(null)" ? "" : value];
    }),
  );
}

function hostOf(brick: string): string {
  return brick.slice(0, brick.lastIndexOf(":/"));
}

/** Contents of every element of that name; the command never nests one in itself. */
function blocks(xml: string, name: string): string[] {
  const found = xml.matchAll(new RegExp(`<${name}(?: [^>]*)?>([\\s\\S]*?)</${name}>`, "g"));
  // Leaves are decoded here; elements with children are not, as their own leaves will be.
  return [...found].map(([, inner = ""]) => (inner.includes("<") ? inner : decode(inner)));
}

function text(xml: string, name: string): string {
  const inner = new RegExp(`<${name}(?: [^>]*)?>([^<]*)</${name}>`).exec(xml)?.[1] ?? "";
  return decode(inner).trim();
}

const ENTITIES: Readonly<Record<string, string>> = { lt: "<", gt: ">", quot: '"', apos: "'", amp: "&" };

function decode(value: string): string {
  return value.replace(/&(lt|gt|quot|apos|amp);/g, (_, entity: string) => ENTITIES[entity] ?? "");
}
