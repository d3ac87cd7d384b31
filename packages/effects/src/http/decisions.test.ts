import { expect, test } from "vitest";
import { backoffMs, DEFAULT_BACKOFF } from "./backoff.js";
import { decideRedirect, parseEndpoints, resolvePath } from "./endpoint.js";

const endpoints = parseEndpoints(["https://m1:8443", "https://m2:8443/service/marathon"], "Marathon");
const from = resolvePath(endpoints[0] as URL, "/v2/events");

test("a path is put below a base URL that has one of its own", () => {
  const url = resolvePath(endpoints[1] as URL, "/v2/apps", [
    ["embed", "apps.tasks"],
    ["embed", "apps.counts"],
  ]);
  expect(url.href).toBe("https://m2:8443/service/marathon/v2/apps?embed=apps.tasks&embed=apps.counts");
});

test.each([[[]], [["m1:8080"]], [["ftp://m1"]], [["http://m1?x=1"]], [["http://m1#x"]], [["not a url"]]])(
  "refuses the addresses %j",
  (texts) => {
    expect(() => parseEndpoints(texts, "Marathon")).toThrowError(expect.objectContaining({ code: "INVALID_SPEC" }));
  },
);

test("an address with a password is refused, and the password not repeated", () => {
  try {
    parseEndpoints(["http://me:hunter2@m1"], "Marathon");
    expect.unreachable();
  } catch (error) {
    expect(error).toMatchObject({ code: "INVALID_SPEC" });
    expect(JSON.stringify(error) + String(error)).not.toContain("hunter2");
  }
});

test("a redirect to a configured address is followed with credentials", () => {
  const decision = decideRedirect("https://m2:8443/v2/events?event_type=x", from, endpoints, true);
  expect(decision).toMatchObject({ kind: "follow", endpoint: 1 });
});

test("a redirect without a scheme keeps the scheme of the request, as Mesos answers it", () => {
  const decision = decideRedirect("//m2:8443/api/v1", from, endpoints, true);
  expect(decision).toMatchObject({ kind: "follow", endpoint: 1 });
});

test.each([
  ["another host", "https://evil:8443/v2/events"],
  ["another port of a configured host", "https://m1:9999/v2/events"],
  ["the same host without TLS", "http://m1:8443/v2/events"],
  ["a host that only begins alike", "https://m1.evil:8443/"],
  ["an address that carries a user", "https://x@m2:8443/"],
  ["no address", undefined],
  ["no http address", "file:///etc/passwd"],
])("with credentials, a redirect to %s is refused", (_, location) => {
  expect(decideRedirect(location, from, endpoints, true).kind).toBe("refuse");
});

test("without credentials, any address is followed, but not from TLS to plain text", () => {
  expect(decideRedirect("https://m3:8443/x", from, endpoints, false)).toMatchObject({ kind: "follow", endpoint: null });
  expect(decideRedirect("http://m3:8080/x", from, endpoints, false).kind).toBe("refuse");
});

test("the delay doubles up to its maximum and is spread over its upper half", () => {
  expect(backoffMs(1, DEFAULT_BACKOFF, 0)).toBe(125);
  expect(backoffMs(1, DEFAULT_BACKOFF, 0.999)).toBeLessThan(250);
  expect(backoffMs(4, DEFAULT_BACKOFF, 0)).toBe(1_000);
  expect(backoffMs(10_000, DEFAULT_BACKOFF, 1)).toBe(15_000);
});
