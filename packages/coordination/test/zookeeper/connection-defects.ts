import { setTimeout as pause } from "node:timers/promises";
import type { Logger } from "@holdfast/core";
import { createAgentNetwork, startFaultProxy } from "@holdfast/testkit";
import type { Defect } from "./defect.js";
import { bytes, CALL, eventually, freshPath, outcome, SILENCE_MS, settles, timed } from "./scene.js";

/** What happens to connections: silence, handshakes, half replies, closing. */
export const CONNECTION_DEFECTS: readonly Defect[] = [
  {
    title: "A server that says nothing is never left",
    off: ["readDeadline"],
    async observe(scene, workarounds) {
      const [first, second] = [await scene.proxy(), await scene.proxy()];
      const store = await scene.open([first, second], {}, { workarounds });
      first.hang();
      const { value, ms } = await timed(() => outcome(store.get("services", { timeoutMs: 8 * SILENCE_MS })));
      return value === "done"
        ? { healthy: true, text: `answered by the next server after ${ms} ms` }
        : { healthy: false, text: `${value} after ${ms} ms, the client still calls itself ${store.health().state}` };
    },
  },
  {
    title: "A server that accepts the connection and never answers the handshake is waited for without limit",
    off: ["handshakeDeadline"],
    async observe(scene, workarounds) {
      const proxy = await scene.proxy();
      proxy.hang();
      const store = scene.store([proxy], {}, { workarounds });
      const opening = timed(() => outcome(store.open({ timeoutMs: 10 * SILENCE_MS })));
      await eventually("the first connection", () => proxy.connections === 1);
      proxy.heal();
      const { value, ms } = await opening;
      return value === "done"
        ? { healthy: true, text: `connected after ${ms} ms, at attempt ${proxy.connections}` }
        : { healthy: false, text: `${value} after ${ms} ms, ${proxy.connections} attempt` };
    },
  },
  {
    title: "The timer of a given-up connection attempt destroys a later, healthy connection",
    off: ["clearsConnectTimer"],
    async observe(scene, workarounds) {
      const network = await createAgentNetwork();
      scene.defer(() => network.remove());
      const nowhere = await network.addAgent();
      await nowhere.drop([network.address]);
      const proxy = await scene.proxy();
      const servers = [{ host: nowhere.address, port: 2181 }, proxy];
      const left: unknown[] = [];
      const logger: Logger = { log: (_level, message, fields) => void left.push(message, fields?.reason) };
      const store = await scene.open(servers, { sessionTimeoutMs: 3_000, logger }, { workarounds });
      if (!left.includes("it does not answer the handshake")) throw new Error(`not given up: ${left.join(", ")}`);
      // The client gives each server half of the session timeout.
      await pause(2_000);
      const answer = await outcome(store.get("services", CALL));
      return {
        healthy: proxy.connections === 1 && answer === "done",
        text: `${proxy.connections} connection${proxy.connections === 1 ? "" : "s"} to the healthy server in 2 s`,
      };
    },
  },
  {
    title: "A connection cut in mid-reply garbles the handshake of the next one",
    off: ["dropsStaleBytes"],
    async observe(scene, workarounds) {
      const proxy = await scene.proxy();
      const store = await scene.open([proxy], {}, { workarounds });
      let cuts = 0;
      proxy.setRules({ reply: () => (cuts++ === 0 ? { cutAfterBytes: 9 } : "pass") });
      const { value, ms } = await timed(() => outcome(store.get("services", { timeoutMs: 5 * SILENCE_MS })));
      return { healthy: value === "done", text: `${value} after ${ms} ms and ${proxy.connections} connections` };
    },
  },
  {
    title: "The call that a strange message is taken for is never called back",
    off: ["settlesEveryCall"],
    async observe(scene, workarounds) {
      const proxy = await scene.proxy();
      const store = await scene.open([proxy], {}, { workarounds });
      let replaced = 0;
      // Twenty bytes: a reply to a request that was never made.
      const strange = Buffer.from([0, 0, 0, 20, ...Array.from({ length: 20 }, (_, index) => index * 13)]);
      proxy.setRules({ reply: () => (replaced++ === 0 ? { replace: strange } : "pass") });
      const value = await settles(store.get("services", CALL), 5 * SILENCE_MS);
      return { healthy: value === "done", text: value === "never" ? "not called back within 2 s" : value };
    },
  },
  {
    title: "`close()` on a hung connection never ends, and the socket keeps the process alive",
    off: ["boundedClose"],
    async observe(scene, workarounds) {
      const proxy = await scene.proxy();
      const store = await scene.open([proxy], {}, { workarounds });
      proxy.hang();
      await settles(store.close(), 3_000);
      await pause(500);
      return { healthy: proxy.open === 0, text: `${proxy.open} connection open after close()` };
    },
  },
  {
    title: "`close()` before the first socket throws",
    off: ["boundedClose"],
    async observe(scene, workarounds) {
      // Opening begins with the probe of the server list; closing comes before the client has made its socket.
      const store = scene.store([{ host: "127.0.0.1", port: 1 }], {}, { workarounds });
      const opening = outcome(store.open(CALL));
      await Promise.resolve();
      await Promise.resolve();
      const closing = await outcome(store.close());
      const opened = await opening;
      return { healthy: closing === "done", text: `close: ${closing}; open: ${opened}` };
    },
  },
  {
    title: "After leaving a server, what is sent in the same turn is lost",
    off: ["holdsCallsUntilConnected"],
    async observe(scene, workarounds) {
      const [first, second] = [await scene.proxy(), await scene.proxy()];
      const store = await scene.open([first, second], {}, { workarounds });
      const path = freshPath();
      const version = await store.create(path, bytes("1"), CALL);
      store.changeServer("test");
      const value = await outcome(store.put(path, bytes("2"), version, CALL));
      return { healthy: value === "done", text: value };
    },
  },
  {
    title: "The first request has number 0, which servers before 3.6 never count as answered",
    off: ["startsAtRequestOne"],
    async observe(scene, workarounds) {
      const proxy = await startFaultProxy(scene.server);
      scene.defer(() => proxy.close());
      const numbers: number[] = [];
      proxy.setRules({
        request(frame) {
          if (frame.xid !== undefined && frame.xid >= 0) numbers.push(frame.xid);
          return "pass";
        },
      });
      await scene.open([proxy], {}, { workarounds });
      return { healthy: numbers[0] === 1, text: `first request on the wire: xid ${numbers[0]}` };
    },
  },
];
