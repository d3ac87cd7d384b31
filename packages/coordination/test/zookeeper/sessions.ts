import { type FaultProxy, fourLetterWord, type ZooKeeperServer } from "@holdfast/testkit";
import { eventually } from "./scene.js";

/** Where a connect response carries the session's number: length, protocol version, timeout, then the number. */
const SESSION_ID_AT = 12;

/** Learns the session that the next client of this proxy gets, from the answer to its handshake. */
export function rememberSession(proxy: FaultProxy): () => string {
  let session = "";
  proxy.setRules({
    reply(frame) {
      if (frame.index === 0) session = `0x${frame.bytes.readBigInt64BE(SESSION_ID_AT).toString(16)}`;
      return "pass";
    },
  });
  return () => session;
}

/** Keeps a client away until the server has expired its session; the client finds out on reconnecting. */
export async function outliveSession(server: ZooKeeperServer, proxy: FaultProxy, session: string): Promise<void> {
  proxy.hang();
  proxy.resetAll();
  await eventually("the server to expire the session", async () => !(await sessionsOf(server)).includes(session));
  proxy.heal();
}

async function sessionsOf(server: ZooKeeperServer): Promise<string[]> {
  const dump = await fourLetterWord(server.host, server.port, "dump");
  if (dump === "") throw new Error("the server did not answer dump");
  return [...dump.matchAll(/^\s+(0x[0-9a-f]+)$/gm)].map((match) => match[1] ?? "");
}
