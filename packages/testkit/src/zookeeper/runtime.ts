import { existsSync, readdirSync } from "node:fs";
import { HoldfastError } from "@holdfast/core";

/** What it takes to run a ZooKeeper server here. */
export interface ZooKeeperRuntime {
  readonly java: string;
  readonly classPath: readonly string[];
  /** Of the server, as its jar's name says. */
  readonly version: string;
}

interface NeededJar {
  readonly file: string;
  /** Debian package that brings it. */
  readonly debianPackage: string;
}

const JAVA_HOMES = ["/usr/bin", "/usr/local/bin"];
const JARS = "/usr/share/java";
const SERVER_JAR: NeededJar = { file: `${JARS}/zookeeper.jar`, debianPackage: "libzookeeper-java" };

/** The server's jar names most of what it needs in its manifest; these it does not name. */
const FURTHER_JARS: readonly NeededJar[] = [
  // Without a binding of slf4j there is no log at all.
  { file: `${JARS}/slf4j-log4j12.jar`, debianPackage: "libslf4j-java" },
  { file: `${JARS}/log4j-1.2.jar`, debianPackage: "liblog4j1.2-java" },
  // Debian's manifest lists netty's handlers and not what these extend: TLS would fail with ClassNotFoundException.
  { file: `${JARS}/netty-codec.jar`, debianPackage: "libnetty-java" },
  { file: `${JARS}/netty-resolver.jar`, debianPackage: "libnetty-java" },
];

/** Tells whether a file is there; a test may know of another machine. */
type Exists = (file: string) => boolean;

/** The Debian packages that are missing for a ZooKeeper server, by name; empty when it can run. */
export function missingZooKeeperPackages(exists: Exists = existsSync): readonly string[] {
  const missing = new Set<string>();
  if (findJava(exists) === undefined) missing.add("default-jre-headless");
  for (const jar of [SERVER_JAR, ...FURTHER_JARS]) if (!exists(jar.file)) missing.add(jar.debianPackage);
  return [...missing];
}

/** @throws `NOT_FOUND` naming each missing package and the command that installs it. */
export function findZooKeeperRuntime(exists: Exists = existsSync): ZooKeeperRuntime {
  const missing = missingZooKeeperPackages(exists);
  const java = findJava(exists);
  if (missing.length > 0 || java === undefined) {
    throw new HoldfastError("NOT_FOUND", `ZooKeeper cannot run here: missing ${missing.join(", ")}.`, {
      hint: `apt-get install -y --no-install-recommends ${missing.join(" ")}`,
      detail: { missing },
    });
  }
  return {
    java,
    classPath: [SERVER_JAR, ...FURTHER_JARS].map((jar) => jar.file),
    version: serverVersion(),
  };
}

function findJava(exists: Exists): string | undefined {
  const homes = process.env.JAVA_HOME === undefined ? JAVA_HOMES : [`${process.env.JAVA_HOME}/bin`, ...JAVA_HOMES];
  return homes.map((home) => `${home}/java`).find((file) => exists(file));
}

/** Debian keeps a name with the version beside the one without. */
function serverVersion(): string {
  for (const name of readdirSync(JARS)) {
    const version = /^zookeeper-(\d[\d.]*)\.jar$/.exec(name)?.[1];
    if (version !== undefined) return version;
  }
  return "unknown";
}
