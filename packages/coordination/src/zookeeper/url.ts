import { HoldfastError } from "@holdfast/core";
import type { ZooKeeperAddress } from "./options.js";

/** What a store URL says; spread it into the options of `createZooKeeperStore`. */
export interface ZooKeeperUrl {
  readonly servers: readonly ZooKeeperAddress[];
  /** Begins with `/`; `/` alone when the URL names none. */
  readonly chroot: string;
  /** `zookeeper+tls://` */
  readonly secure: boolean;
}

const PLAIN = "zookeeper://";
const SECURE = "zookeeper+tls://";
const PLAIN_PORT = 2181;
/** What ZooKeeper's documentation uses for `secureClientPort`; there is no assigned number. */
const SECURE_PORT = 2281;
const PORT_MAX = 65_535;
const EXAMPLE = "Write zookeeper://zk1:2181,zk2:2181,zk3:2181/holdfast, or zookeeper+tls:// for TLS.";

/**
 * Reads `zookeeper://h1:2181,h2:2181/chroot`. White space around hosts is dropped.
 * @throws `BAD_CONFIGURATION`
 */
export function parseZooKeeperUrl(url: string): ZooKeeperUrl {
  const text = url.trim();
  const scheme = [SECURE, PLAIN].find((candidate) => text.startsWith(candidate));
  if (scheme === undefined) throw bad(url, "it does not begin with zookeeper:// or zookeeper+tls://");
  const rest = text.slice(scheme.length);
  if (rest.includes("@")) {
    // The message must not repeat it: what stands before the @ is probably a password.
    throw new HoldfastError("BAD_CONFIGURATION", "The store URL contains an @, as if it carried a password.", {
      hint: "Give the user and the password in a file, with --store-auth-file.",
    });
  }
  const slash = rest.indexOf("/");
  const hosts = slash === -1 ? rest : rest.slice(0, slash);
  const secure = scheme === SECURE;
  return {
    servers: hosts.split(",").map((host) => parseAddress(url, host.trim(), secure ? SECURE_PORT : PLAIN_PORT)),
    chroot: slash === -1 ? "/" : parseChroot(url, rest.slice(slash)),
    secure,
  };
}

function parseAddress(url: string, text: string, defaultPort: number): ZooKeeperAddress {
  if (text === "") throw bad(url, "a server's name is missing");
  if (text.startsWith("[") || text.split(":").length > 2) {
    throw bad(url, `${text} is an IPv6 address, which the ZooKeeper client cannot connect to`, {
      hint: "Use a host name that resolves to that address, or an IPv4 address.",
    });
  }
  const [host = "", port] = text.split(":").map((part) => part.trim());
  if (host === "" || !/^[A-Za-z0-9._-]+$/.test(host)) throw bad(url, `${text} is no host name`);
  if (port === undefined) return { host, port: defaultPort };
  const number = Number(port);
  if (!/^\d+$/.test(port) || number < 1 || number > PORT_MAX) throw bad(url, `${port} is no port`);
  return { host, port: number };
}

function parseChroot(url: string, text: string): string {
  const path = text.trim().replace(/\/+$/, "");
  if (path === "") return "/";
  const segments = path.slice(1).split("/");
  if (segments.some((segment) => segment === "" || segment === "." || segment === "..")) {
    throw bad(url, `the path ${path} has an empty or relative part`);
  }
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what ZooKeeper refuses in a path
  if (/[\s?#\u0000-\u001f]/.test(path)) throw bad(url, `the path ${path} contains white space, ? or #`);
  return path;
}

function bad(url: string, why: string, options: { readonly hint: string } = { hint: EXAMPLE }): HoldfastError {
  return new HoldfastError("BAD_CONFIGURATION", `The store URL ${url} cannot be used: ${why}.`, options);
}
