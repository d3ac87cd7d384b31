import { HoldfastError } from "@holdfast/core";

/**
 * Reads the configured base URLs of one service, e.g. `https://m1:8443` or `https://dcos/service/marathon`.
 * @throws `INVALID_SPEC` when there is none, one is no http(s) URL, or one carries a user, a query or a fragment.
 */
export function parseEndpoints(texts: readonly string[], service: string): readonly URL[] {
  if (texts.length === 0) {
    throw new HoldfastError("INVALID_SPEC", `No address of ${service} is configured.`, {
      hint: "Give at least one base URL, for example http://host:8080.",
    });
  }
  return texts.map((text) => {
    const url = URL.canParse(text) ? new URL(text) : undefined;
    if (url?.username || url?.password) {
      // The text itself is not repeated: it holds the password.
      throw new HoldfastError("INVALID_SPEC", `An address of ${service} (${url.host}) carries a user or password.`, {
        hint: "Put the credentials into a file and name that file.",
      });
    }
    if (url === undefined || !/^https?:$/.test(url.protocol) || url.search !== "" || url.hash !== "") {
      throw new HoldfastError("INVALID_SPEC", `${JSON.stringify(text)} is no address of ${service}.`, {
        hint: "A base URL has the form http(s)://host:port, perhaps with a path, and nothing after it.",
      });
    }
    return url;
  });
}

/** `/v2/info` below a base URL, which may have a path of its own. */
export function resolvePath(base: URL, path: string, query: ReadonlyArray<readonly [string, string]> = []): URL {
  const url = new URL(base);
  url.pathname = `${base.pathname.replace(/\/+$/, "")}${path}`;
  for (const [name, value] of query) url.searchParams.append(name, value);
  return url;
}

export type RedirectDecision =
  | { readonly kind: "follow"; readonly url: URL; readonly endpoint: number | null }
  | { readonly kind: "refuse"; readonly why: string };

/**
 * Where a redirect to the leader may lead. HTTP clients drop the Authorization header when the host changes, so a client
 * that wants to arrive must decide by itself: credentials go to configured addresses only (scheme, host and port), never
 * to whatever an answer names. Without credentials any address is followed, but never from TLS to plain text.
 *
 * A Mesos standby answers `Location: //host:port/path` without a scheme, which then is that of the request.
 */
export function decideRedirect(
  location: string | undefined,
  from: URL,
  endpoints: readonly URL[],
  withCredentials: boolean,
): RedirectDecision {
  const url = location !== undefined && URL.canParse(location, from.href) ? new URL(location, from) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol)) return { kind: "refuse", why: "to no usable address" };
  if (url.username !== "" || url.password !== "") return { kind: "refuse", why: "to an address that carries a user" };
  const endpoint = endpoints.findIndex(({ origin }) => origin === url.origin);
  if (endpoint >= 0) return { kind: "follow", url, endpoint };
  if (from.protocol === "https:" && url.protocol === "http:") {
    return { kind: "refuse", why: `from TLS to plain text (${url.origin})` };
  }
  if (withCredentials) {
    return { kind: "refuse", why: `to ${url.origin}, which is not among the configured addresses` };
  }
  return { kind: "follow", url, endpoint: null };
}
