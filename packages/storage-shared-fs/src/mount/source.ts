export interface NfsSource {
  readonly host: string;
  readonly path: string;
}

/** `server:/path` or `[2001:db8::1]:/path`; null when it is neither. */
export function parseSource(source: string): NfsSource | null {
  const match = /^(?:\[([0-9a-f:.%]+)\]|([^:/\s[\]]+)):(\/\S*)$/i.exec(source);
  const host = match?.[1] ?? match?.[2];
  const path = match?.[3];
  return host === undefined || path === undefined ? null : { host, path };
}

/** Whether two ways of writing it name the same export: mountinfo shows what mount(8) was given, slashes included. */
export function sameSource(a: string, b: string): boolean {
  const normal = (source: string) => {
    const parsed = parseSource(source);
    if (parsed === null) return source;
    const path = parsed.path.replace(/\/+/g, "/");
    return `${parsed.host.toLowerCase()}:${path === "/" ? path : path.replace(/\/$/, "")}`;
  };
  return normal(a) === normal(b);
}
