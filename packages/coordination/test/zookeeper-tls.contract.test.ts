import { mkdtempSync, readdirSync, readFileSync, readlinkSync, rmdirSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect as connectTls } from "node:tls";
import type { HoldfastError } from "@holdfast/core";
import {
  createTestAuthority,
  freePort,
  type IssuedCertificate,
  startZooKeeper,
  type TestAuthority,
  type ZooKeeperServer,
} from "@holdfast/testkit";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import type { ZooKeeperStoreOptions, ZooKeeperTlsOptions } from "../src/zookeeper/options.js";
import { bytes, CALL, eventually, freshPath, outcome, Scene, SILENCE_MS, text, timed } from "./zookeeper/scene.js";

/* A real server with a secureClientPort that wants client certificates, and a certificate authority of our own. */

const SERVER_NAME = "zookeeper.example";

let authority: TestAuthority;
let stranger: TestAuthority;
let client: IssuedCertificate;
let server: ZooKeeperServer;
let scene: Scene;

beforeAll(async () => {
  [authority, stranger] = [await createTestAuthority(), await createTestAuthority("another authority")];
  client = await authority.issue({ commonName: "client", usage: "clientAuth" });
  server = await startZooKeeper({ tls: await authority.serverTls(["IP:127.0.0.1", `DNS:${SERVER_NAME}`]) });
});
afterAll(async () => {
  await server.dispose();
  authority.dispose();
  stranger.dispose();
});
beforeEach(() => {
  scene = new Scene(server);
});
afterEach(() => scene.end());

const secure = (at: ZooKeeperServer = server) => ({ host: at.host, port: at.securePort ?? 0 });

function tls(changes: Partial<ZooKeeperTlsOptions> = {}): Partial<ZooKeeperStoreOptions> {
  const { certFile, keyFile } = client;
  return { secure: true, tls: { caFile: authority.caFile, certFile, keyFile, serverName: null, ...changes } };
}

async function refusal(servers: Parameters<Scene["store"]>[0], options: Partial<ZooKeeperStoreOptions>) {
  const { value, ms } = await timed(() =>
    scene
      .store(servers, options)
      .open(CALL)
      .then(
        () => Promise.reject(new Error("it was not refused")),
        (error: HoldfastError) => error,
      ),
  );
  // An answer that would be the same every time is given at once.
  expect(ms).toBeLessThan(3_000);
  return value;
}

const socketDirectories = () => readdirSync(tmpdir()).filter((name) => name.startsWith("holdfast-tls-"));

test("with the right authority and certificate everything works as without TLS", async () => {
  const store = await scene.open([secure()], tls());
  expect(store.description).toMatch(/^zookeeper\+tls:\/\/127\.0\.0\.1:\d+\/scene-/);
  const path = freshPath();
  const version = await store.create(path, new Uint8Array(store.recordBytesMax), CALL);
  expect((await store.get(path, CALL))?.data.byteLength).toBe(store.recordBytesMax);
  let calls = 0;
  const watching = new AbortController();
  scene.defer(() => watching.abort());
  store.watch(path, () => (calls += 1), watching.signal);
  await eventually("the watch to be armed", () => calls === 1);
  await store.put(path, bytes("2"), version, CALL);
  await eventually("the watch", () => calls === 2);
  const ticket = await store.enqueue(freshPath("queue"), { run: "r", agent: "a", since: "" }, CALL);
  expect(await ticket.place(CALL)).toBe(0);
});

test("the server's name may be another one than the address", async () => {
  expect(await outcome(scene.store([secure()], tls({ serverName: SERVER_NAME })).open(CALL))).toBe("done");
});

test("a server of another authority is refused, with the reason", async () => {
  const error = await refusal([secure()], tls({ caFile: stranger.caFile }));
  expect([error.code, error.message]).toEqual(["DENIED", expect.stringContaining("authority")]);
  expect(error.hint).toContain("--store-ca");
});

test("without a given authority those of Node.js count, which do not know this one", async () => {
  expect((await refusal([secure()], tls({ caFile: null }))).code).toBe("DENIED");
});

test("a certificate for another name is refused, with the reason", async () => {
  const error = await refusal([secure()], tls({ serverName: "zk1.example" }));
  expect([error.code, error.message]).toEqual(["DENIED", expect.stringContaining("another name")]);
  expect(error.hint).toContain("--store-server-name");
});

test("a client without a certificate is told that it needs one", async () => {
  const error = await refusal([secure()], tls({ certFile: null, keyFile: null }));
  expect([error.code, error.message]).toEqual(["DENIED", expect.stringContaining("client certificate")]);
  expect(error.hint).toContain("--store-cert");
});

test("a client certificate of another authority is refused by the server, with the reason", async () => {
  const { certFile, keyFile } = await stranger.issue({ commonName: "stranger", usage: "clientAuth" });
  const error = await refusal([secure()], tls({ certFile, keyFile }));
  expect([error.code, error.message]).toEqual(["DENIED", expect.stringContaining("refuses this client's certificate")]);
});

test("an expired server certificate is refused, with the reason", async () => {
  const { bundleFile } = await authority.issue({
    commonName: "old",
    names: ["IP:127.0.0.1"],
    usage: "serverAuth",
    expired: true,
  });
  const old = await startZooKeeper({ tls: { keyStoreFile: bundleFile, trustStoreFile: authority.caFile } });
  scene.defer(() => old.dispose());
  const error = await refusal([secure(old)], tls());
  expect([error.code, error.message]).toEqual(["DENIED", expect.stringContaining("not valid at this time")]);
});

test("a port that does not speak TLS is unreachable, and the message says at which point", async () => {
  const store = scene.store([{ host: server.host, port: server.port }], tls());
  const error = await store.open({ timeoutMs: 1_000 }).catch((failure: HoldfastError) => failure);
  expect(error).toMatchObject({ code: "STORE_UNREACHABLE", message: expect.stringContaining("the TLS handshake") });
});

test("a client without TLS on a port with TLS is unreachable, and the message says what the server did", async () => {
  const error = await scene
    .store([secure()])
    .open({ timeoutMs: 1_000 })
    .catch((failure: HoldfastError) => failure);
  expect(error).toMatchObject({
    code: "STORE_UNREACHABLE",
    message: expect.stringMatching(/without an answer|no answer within|ECONNRESET/),
  });
});

test("with TLS 1.3 the lack of a client certificate is told as well, though it shows only after the handshake", async () => {
  const modern = await startZooKeeper({
    tls: await authority.serverTls(["IP:127.0.0.1"]),
    settings: { "ssl.enabledProtocols": "TLSv1.3", "ssl.ciphersuites": "TLS_AES_128_GCM_SHA256" },
  });
  scene.defer(() => modern.dispose());
  const store = await scene.open([secure(modern)], tls());
  expect(await store.list("services", CALL)).toEqual([]);
  expect(await protocolOf(secure(modern))).toBe("TLSv1.3");
  const error = await refusal([secure(modern)], tls({ certFile: null, keyFile: null }));
  expect([error.code, error.hint]).toEqual(["DENIED", expect.stringContaining("--store-cert")]);
});

test("one server with a wrong certificate among right ones is passed over", async () => {
  const other = await startZooKeeper({ tls: await stranger.serverTls(["IP:127.0.0.1"]) });
  scene.defer(() => other.dispose());
  const store = await scene.open([secure(other), secure()], tls());
  expect(store.health().endpoint).toBe(`127.0.0.1:${server.securePort}`);
});

test("a server that is away is unreachable, not refused", async () => {
  const store = scene.store([{ host: "127.0.0.1", port: await freePort() }], tls());
  expect(await outcome(store.open({ timeoutMs: 500 }))).toBe("STORE_UNREACHABLE");
});

test("a restarted server is ridden out, in the same session", async () => {
  const store = await scene.open([secure()], { ...tls(), sessionTimeoutMs: 10_000 });
  const path = freshPath("holder");
  const version = await store.create(path, bytes("me"), { ...CALL, ephemeral: true });
  await server.kill();
  expect(await outcome(store.get(path, { timeoutMs: 200 }))).toBe("STORE_UNREACHABLE");
  await server.start();
  expect((await store.get(path, CALL))?.version).toEqual(version);
});

test("a server that hangs is left through TLS too", async () => {
  const other = await startZooKeeper({ tls: await authority.serverTls(["IP:127.0.0.1"]) });
  scene.defer(() => other.dispose());
  const store = await scene.open([secure(), secure(other)], { ...tls(), sessionTimeoutMs: 3_000 });
  expect(store.health().endpoint).toBe(`127.0.0.1:${server.securePort}`);
  await server.pause();
  scene.defer(() => server.resume());
  // Another store altogether, which refuses the session: what counts here is that this one is left.
  await outcome(store.get(freshPath(), { timeoutMs: 3 * SILENCE_MS }));
  await eventually("the other server", () => store.health().endpoint === `127.0.0.1:${other.securePort}`);
});

test("nobody else can use the way to the server: no listening port, and a directory of one's own", async () => {
  const before = socketDirectories();
  const store = await scene.open([secure()], tls());
  const made = socketDirectories().filter((name) => !before.includes(name));
  expect(made).toHaveLength(1);
  expect(statSync(join(tmpdir(), made[0] ?? "")).mode & 0o777).toBe(0o700);
  expect(listeningPortsOf(process.pid)).toEqual([]);
  await store.close();
  expect(socketDirectories().filter((name) => made.includes(name))).toEqual([]);
});

test("a store that is closed while it opens leaves nothing behind", async () => {
  const before = socketDirectories();
  for (let turns = 0; turns < 12; turns += 1) {
    const store = scene.store([secure()], tls());
    const opening = outcome(store.open(CALL));
    for (let turn = 0; turn < turns; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    await store.close();
    expect(["STORE_CLOSED", "done"]).toContain(await opening);
  }
  expect(socketDirectories().filter((name) => !before.includes(name))).toEqual([]);
});

test("a temporary directory whose path is too long for a socket is passed over", async () => {
  const { TMPDIR } = process.env;
  const before = readdirSync("/tmp");
  process.env.TMPDIR = mkdtempSync(join(tmpdir(), "holdfast-test-".padEnd(100, "x")));
  const long = process.env.TMPDIR;
  scene.defer(() => rmdirSync(long));
  scene.defer(() => {
    if (TMPDIR === undefined) delete process.env.TMPDIR;
    else process.env.TMPDIR = TMPDIR;
  });
  expect(await outcome(scene.store([secure()], tls()).open(CALL))).toBe("done");
  expect(readdirSync("/tmp").filter((name) => name.startsWith("holdfast-tls-") && !before.includes(name))).not.toEqual(
    [],
  );
});

test.each([
  ["a missing file", () => tls({ caFile: "/nonexistent/ca.pem" })],
  ["a certificate without its key", () => tls({ keyFile: null })],
  ["a file that is no PEM", () => tls({ caFile: scene.secretFile("nothing") })],
  ["a key of another certificate", async () => tls({ keyFile: (await authority.issue(SOMEBODY)).keyFile })],
] as const)("%s is bad configuration", async (_name, options) => {
  expect((await refusal([secure()], await options())).code).toBe("BAD_CONFIGURATION");
});

const SOMEBODY = { commonName: "somebody", usage: "clientAuth" } as const;

test("TLS files for a URL without TLS are bad configuration", () => {
  expect(() => scene.store([secure()], { ...tls(), secure: false })).toThrowError(
    expect.objectContaining({ code: "BAD_CONFIGURATION" }),
  );
});

test("the record written through TLS is the one that the plain port shows", async () => {
  const path = freshPath();
  await (await scene.open([secure()], tls())).create(path, bytes("the same"), CALL);
  expect(text((await (await scene.open([server])).get(path, CALL))?.data)).toBe("the same");
});

async function protocolOf({ host, port }: { host: string; port: number }): Promise<string | null> {
  const [ca, cert, key] = [authority.caFile, client.certFile, client.keyFile].map((file) => readFileSync(file));
  return new Promise((resolve, reject) => {
    const socket = connectTls({ host, port, ca, cert, key }, () => {
      resolve(socket.getProtocol());
      socket.destroy();
    });
    socket.once("error", reject);
  });
}

/** TCP sockets in state LISTEN that this process holds (proc(5), net/tcp). */
function listeningPortsOf(pid: number): number[] {
  const inodes = new Set<string>();
  for (const fd of readdirSync(`/proc/${pid}/fd`)) {
    try {
      const inode = /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`))?.[1];
      if (inode !== undefined) inodes.add(inode);
    } catch (error) {
      // The descriptor with which the directory itself is read is gone by then.
      if (!(error instanceof Error && "code" in error && error.code === "ENOENT")) throw error;
    }
  }
  return ["tcp", "tcp6"].flatMap((table) =>
    readFileSync(`/proc/${pid}/net/${table}`, "utf8")
      .split("\n")
      .slice(1)
      .map((line) => line.trim().split(/\s+/))
      .filter((fields) => fields[3] === "0A" && inodes.has(fields[9] ?? ""))
      .map((fields) => Number.parseInt(fields[1]?.split(":")[1] ?? "", 16)),
  );
}
