import zookeeper from "node-zookeeper-client";

const LIMIT_MS = 15_000;

/** A plain client with no chroot, for what an operator does by hand. */
export interface ZooKeeperAdmin {
  createPath(path: string): Promise<void>;
  children(path: string): Promise<string[]>;
  remove(path: string): Promise<void>;
  /** The node and everything below, in one transaction: nobody ever sees half of it gone. */
  removeTree(path: string): Promise<void>;
}

/** Somebody made or removed a node since the tree was listed. */
const CHANGED_MEANWHILE: readonly number[] = [zookeeper.Exception.NO_NODE, zookeeper.Exception.NOT_EMPTY];
const REMOVE_TRIES = 50;

/** One connection for one errand. @throws Error when it takes too long: the client itself has no limit. */
export async function asAdmin<T>(address: string, errand: (admin: ZooKeeperAdmin) => Promise<T>): Promise<T> {
  const client = zookeeper.createClient(address, { sessionTimeout: 10_000, spinDelay: 100, retries: 0 });
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`an errand at ${address} took more than ${LIMIT_MS} ms`)), LIMIT_MS);
  });
  const connected = new Promise<void>((resolve) => {
    client.once("connected", resolve);
    client.connect();
  });
  try {
    return await Promise.race([connected.then(() => errand(adminOf(client))), limit]);
  } finally {
    clearTimeout(timer);
    client.close();
  }
}

function adminOf(client: zookeeper.Client): ZooKeeperAdmin {
  const admin: ZooKeeperAdmin = {
    createPath: (path) =>
      new Promise((resolve, reject) => client.mkdirp(path, (error) => (error ? reject(error) : resolve()))),
    children: (path) =>
      new Promise((resolve, reject) =>
        client.getChildren(path, (error, children) => (error ? reject(error) : resolve(children))),
      ),
    remove: (path) =>
      new Promise((resolve, reject) => client.remove(path, -1, (error) => (error ? reject(error) : resolve()))),
    async removeTree(path) {
      for (let tried = 1; ; tried += 1) {
        const nodes = await below(admin, path);
        const code = await removeAtOnce(client, nodes);
        if (code === undefined) return;
        if (!CHANGED_MEANWHILE.includes(code) || tried === REMOVE_TRIES)
          throw new Error(`removing ${path} failed with ${code}`);
      }
    },
  };
  return admin;
}

/** Deepest first, the node itself last. A node that vanishes while it is listed has no children. */
async function below(admin: ZooKeeperAdmin, path: string): Promise<string[]> {
  const nodes: string[] = [];
  let children: string[] = [];
  try {
    children = await admin.children(path);
  } catch (error) {
    if (codeOf(error) !== zookeeper.Exception.NO_NODE) throw error;
  }
  for (const child of children) nodes.push(...(await below(admin, `${path}/${child}`)));
  return [...nodes, path];
}

/** Undefined when it was done, else the error's code; then nothing was removed. */
function removeAtOnce(client: zookeeper.Client, nodes: readonly string[]): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    let transaction = client.transaction();
    for (const node of nodes) transaction = transaction.remove(node);
    transaction.commit((error) => {
      if (!error) return resolve(undefined);
      const code = codeOf(error);
      if (code === undefined) reject(error);
      else resolve(code);
    });
  });
}

function codeOf(error: unknown): number | undefined {
  if (!(error instanceof zookeeper.Exception)) return undefined;
  return error.getCode();
}
