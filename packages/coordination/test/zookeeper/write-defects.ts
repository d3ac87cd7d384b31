import zookeeper from "node-zookeeper-client";
import type { Defect } from "./defect.js";
import { ask, bytes, CALL, eventually, freshPath, outcome, SILENCE_MS, settles, text } from "./scene.js";
import { withUncaught } from "./uncaught.js";

const CANDIDATE = { run: "run-1", agent: "agent-1", since: "2026-01-01T00:00:00Z" };

/** What happens to requests: lost answers, unknown answers, versions, data. */
export const WRITE_DEFECTS: readonly Defect[] = [
  {
    title: "An error code that the client does not know (−125, quota) throws inside its socket handler",
    off: ["survivesUnknownCodes"],
    async observe(scene, workarounds) {
      const raw = await scene.rawClient();
      const store = await scene.open([scene.server], {}, { workarounds });
      const path = freshPath();
      const version = await store.create(path, bytes("1"), CALL);
      await limitBytes(raw, scene.node(path), 4);
      const { value, errors } = await withUncaught(async (seen) => {
        const put = settles(store.put(path, bytes("larger than the quota"), version, CALL), 2_000);
        const answer = await put;
        if (answer === "never") await eventually("the exception", () => seen.length > 0);
        return answer;
      });
      return {
        healthy: value === "DENIED" && errors.length === 0,
        text: errors.length === 0 ? `${value}, nothing thrown` : `uncaught "${String(errors[0])}"; the call: ${value}`,
      };
    },
  },
  {
    title: "A listener that throws takes the connection with it",
    off: ["guardsListeners"],
    async observe(scene, workarounds) {
      const proxy = await scene.proxy();
      const store = await scene.open([proxy], {}, { workarounds });
      const path = freshPath();
      const version = await store.create(path, bytes("1"), CALL);
      const watching = new AbortController();
      scene.defer(() => watching.abort());
      let calls = 0;
      let throwing = false;
      const listener = () => {
        calls += 1;
        if (throwing) throw new Error("a defect of the listener");
      };
      store.watch(path, listener, watching.signal);
      await eventually("the watch to be armed", () => calls === 1);
      throwing = true;
      const { value, errors } = await withUncaught(async (seen) => {
        // The notification comes before the answer to the write that caused it, on the same connection.
        const put = await settles(store.put(path, bytes("2"), version, CALL), 2_000);
        await eventually("the listener to be called", () => calls > 1);
        if (workarounds.guardsListeners) await eventually("the exception to come up", () => seen.length > 0);
        return put;
      });
      return {
        healthy: value === "done" && proxy.connections === 1 && errors.length > 0,
        text: `the write beside it: ${value}; connections: ${proxy.connections}; the exception came up: ${errors.length > 0}`,
      };
    },
  },
  {
    title: "A queue entry whose answer was lost is an orphan",
    off: ["adoptsOwnQueueEntry"],
    async observe(scene, workarounds) {
      const proxy = await scene.proxy();
      const store = await scene.open([proxy], {}, { workarounds });
      const path = freshPath("queue");
      const other = await scene.open([scene.server]);
      await (await other.enqueue(path, CANDIDATE, CALL)).leave(CALL);
      let lost = 0;
      proxy.setRules({
        // Every answer of the second connection's first write: the node is made, its name is never told.
        reply: (frame) => (frame.index > 0 && lost++ === 0 ? "reset" : "pass"),
      });
      const entered = await store.enqueue(path, CANDIDATE, CALL).catch((error: unknown) => error);
      const names = await other.list(path, CALL);
      const ticket =
        entered instanceof Error ? undefined : (entered as { place(options: typeof CALL): Promise<number> });
      const place = ticket === undefined ? "no ticket" : `ticket with place ${await ticket.place(CALL)}`;
      return {
        healthy: ticket !== undefined && names.length === 1,
        text: `${place}, ${names.length} node in the queue (answer lost: ${lost > 0})`,
      };
    },
  },
  {
    title: "In a transaction a write that expects version 0 overwrites any version",
    off: ["plainVersionedWrites"],
    async observe(scene, workarounds) {
      const raw = await scene.rawClient();
      const store = await scene.open([scene.server], {}, { workarounds });
      const path = freshPath();
      await store.create(path.replace("lease", "other"), bytes("parents"), CALL);
      // As another program would make it: at version 0, which our own records never have.
      await ask((done) => raw.create(scene.node(path), Buffer.from("created"), (error) => done(error)));
      const entry = await store.get(path, CALL);
      await ask((done) => raw.setData(scene.node(path), Buffer.from("winner"), 0, (error) => done(error)));
      const version = entry?.version ?? { created: "", number: -1 };
      const put = await outcome(store.put(path, bytes("loser"), version, CALL));
      const left = text((await store.get(path, CALL))?.data);
      return {
        healthy: version.number === 0 && put === "VERSION_CONFLICT" && left === "winner",
        text: `conflicting write at version ${version.number}: ${put}; the record says "${left}"`,
      };
    },
  },
  {
    title: "Data that is a Uint8Array and no Buffer is refused or silently not stored",
    off: ["alwaysBuffers"],
    async observe(scene, workarounds) {
      const store = await scene.open([scene.server], {}, { workarounds });
      const path = freshPath();
      const created = await outcome(store.create(path, bytes("kept"), CALL));
      const left = text((await store.get(path, CALL))?.data);
      return { healthy: created === "done" && left === "kept", text: `create: ${created}; the record says "${left}"` };
    },
  },
  {
    title: "White space in the list of servers becomes part of a host name",
    off: ["ownServerList"],
    async observe(scene, workarounds) {
      const { host, port } = scene.server;
      const connectionString = ` ${host} :${port} , ${host} :${port}`;
      const { parseZooKeeperUrl } = await import("../../src/zookeeper/url.js");
      const { servers } = parseZooKeeperUrl(`zookeeper://${connectionString}`);
      const store = scene.store(servers, {}, { workarounds, connectionString });
      const opened = await outcome(store.open({ timeoutMs: 5 * SILENCE_MS }));
      return { healthy: opened === "done", text: `open: ${opened}` };
    },
  },
];

/** A hard limit on the bytes of a node, as `setquota -B` of zkCli.sh sets it. */
async function limitBytes(raw: zookeeper.Client, node: string, limit: number): Promise<void> {
  const limits = `count=-1,bytes=-1=;byteHardLimit=${limit};countHardLimit=-1`;
  const quota = `/zookeeper/quota${node}`;
  await ask((done) => raw.mkdirp(quota, (error) => done(error)));
  const create = (name: string, content: string) =>
    ask((done) =>
      raw.create(`${quota}/${name}`, Buffer.from(content), zookeeper.CreateMode.PERSISTENT, (error) => done(error)),
    );
  await create("zookeeper_limits", limits);
  await create("zookeeper_stats", "count=1,bytes=1");
}
