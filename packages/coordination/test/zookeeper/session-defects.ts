import type { Defect } from "./defect.js";
import { bytes, CALL, eventually, freshPath, outcome, SILENCE_MS, settles, timed } from "./scene.js";
import { outliveSession, rememberSession } from "./sessions.js";

const SESSION_MS = 1_000;
/** Number of an authentication request (jute, `XID_AUTHENTICATION`). */
const AUTHENTICATION = -4;

/** What happens to sessions: expiry, lost stores, authentication. */
export const SESSION_DEFECTS: readonly Defect[] = [
  {
    title: "A call made while disconnected is never called back when the session then expires",
    off: ["settlesEveryCall", "holdsCallsUntilConnected", "dropsStaleRequests"],
    async observe(scene, workarounds) {
      const proxy = await scene.proxy();
      const session = rememberSession(proxy);
      const store = await scene.open([proxy], { sessionTimeoutMs: SESSION_MS }, { workarounds });
      proxy.hang();
      proxy.resetAll();
      await eventually("the loss of the connection", () => store.health().state === "disconnected");
      const call = store.get("services", { timeoutMs: 5_000 });
      await outliveSession(scene.server, proxy, session());
      const value = await settles(call, 8_000);
      return { healthy: value !== "never", text: value === "never" ? "not called back within 8 s" : value };
    },
  },
  {
    title: "A client whose session expired stays dead",
    off: ["replacesDeadClients", "freshClientAfterSilence"],
    async observe(scene, workarounds) {
      const proxy = await scene.proxy();
      const session = rememberSession(proxy);
      const store = await scene.open([proxy], { sessionTimeoutMs: SESSION_MS }, { workarounds });
      await outliveSession(scene.server, proxy, session());
      const { value, ms } = await timed(() => outcome(store.get("services", { timeoutMs: 6_000 })));
      return { healthy: value === "done", text: `${value} after ${ms} ms` };
    },
  },
  {
    title: "A server that lost its data refuses the client for ever, without an event",
    off: ["freshClientAfterSilence"],
    async observe(scene, workarounds) {
      const { server } = scene;
      const store = await scene.open([server], { sessionTimeoutMs: SESSION_MS }, { workarounds });
      await store.create(freshPath(), bytes("seen"), CALL);
      await server.stop();
      server.wipe();
      await server.start();
      const { value, ms } = await timed(() => outcome(store.get("services", { timeoutMs: 6 * SESSION_MS })));
      return { healthy: value === "done", text: `${value} after ${ms} ms` };
    },
  },
  {
    title: "Calls queued while disconnected are sent before the authentication",
    off: ["holdsCallsUntilConnected", "retriesRefusedOnce", "dropsStaleRequests"],
    async observe(scene, workarounds) {
      const proxy = await scene.proxy();
      const authFile = scene.secretFile("writer:secret");
      const store = await scene.open([proxy], { authFile, worldReadable: false }, { workarounds });
      const path = freshPath();
      const version = await store.create(path, bytes("1"), CALL);
      await proxy.refuse();
      proxy.resetAll();
      await eventually("the loss of the connection", () => store.health().state === "disconnected");
      const put = outcome(store.put(path, bytes("2"), version, CALL));
      // On a slow line what was sent first has been carried out before the rest arrives.
      proxy.setRules({ request: (frame) => (frame.xid === AUTHENTICATION ? { delayMs: SILENCE_MS / 4 } : "pass") });
      await proxy.accept();
      const value = await put;
      return { healthy: value === "done", text: value };
    },
  },
  {
    title: "Each handshake that is not answered leaves one more authentication in the queue",
    off: ["dropsStaleRequests"],
    async observe(scene, workarounds) {
      const proxy = await scene.proxy();
      const authFile = scene.secretFile("writer:secret");
      let authentications = 0;
      proxy.setRules({
        request(frame) {
          if (frame.xid === AUTHENTICATION) authentications += 1;
          return "pass";
        },
      });
      proxy.hang();
      const store = scene.store([proxy], { authFile }, { workarounds });
      const opening = outcome(store.open(CALL));
      await eventually("the fourth attempt", () => proxy.connections === 4);
      proxy.heal();
      const opened = await opening;
      return {
        healthy: opened === "done" && authentications === 1,
        text: `open: ${opened}, ${authentications} authentications sent on the first working connection`,
      };
    },
  },
  {
    title: "A wrong password causes no event",
    off: ["probesByWriting"],
    async observe(scene, workarounds) {
      const right = scene.secretFile("writer:secret");
      const wrong = scene.secretFile("writer:secrte");
      const owner = await scene.open([scene.server], { authFile: right });
      await owner.create("services/x", bytes("1"), CALL);
      const store = scene.store([scene.server], { authFile: wrong }, { workarounds });
      const opened = await outcome(store.open(CALL));
      return { healthy: opened === "DENIED", text: `open: ${opened}` };
    },
  },
];
