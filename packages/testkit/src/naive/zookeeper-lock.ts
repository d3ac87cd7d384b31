import zookeeper from "node-zookeeper-client";
import type { AcquireLock } from "./lock.js";

/** The textbook recipe: an ephemeral sequential node, the lowest number holds, everybody watches its predecessor. */
export const acquireZooKeeperLock: AcquireLock = async ({ url, service, sessionMs, say }) => {
  const client = zookeeper.createClient(url.host, { sessionTimeout: sessionMs, spinDelay: 200, retries: 0 });
  const directory = `/naive/${service}`;
  await new Promise<void>((resolve) => {
    client.once("connected", resolve);
    client.connect();
  });
  await new Promise<void>((resolve, reject) =>
    client.mkdirp(directory, (error) => (error ? reject(error) : resolve())),
  );
  const own = await new Promise<string>((resolve, reject) =>
    client.create(
      `${directory}/lock-`,
      Buffer.from(String(process.pid)),
      zookeeper.CreateMode.EPHEMERAL_SEQUENTIAL,
      (error, path) => (error ? reject(error) : resolve(path)),
    ),
  );
  const name = own.slice(directory.length + 1);
  await new Promise<void>((resolve, reject) => {
    const look = () =>
      client.getChildren(directory, (error, children) => {
        if (error) return reject(error);
        const ahead = children
          .sort()
          .filter((child) => child < name)
          .at(-1);
        if (ahead === undefined) return resolve();
        say(`waiting behind ${ahead}`);
        client.exists(`${directory}/${ahead}`, look, (existsError, stat) => {
          if (existsError) reject(existsError);
          else if (!stat) look();
        });
      });
    look();
  });
  return {
    epoch: Number(name.slice("lock-".length)) + 1,
    onLost(listener) {
      client.on("expired", () => listener("session expired"));
    },
    release: () => new Promise((resolve) => client.remove(own, -1, () => resolve())),
  };
};
