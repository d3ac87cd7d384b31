import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { command } from "../agents/command.js";
import type { ZooKeeperServerTls } from "./server-config.js";

export interface IssuedCertificate {
  readonly certFile: string;
  readonly keyFile: string;
  /** Certificate and key in one file, as a ZooKeeper server wants it. */
  readonly bundleFile: string;
}

export interface CertificateRequest {
  readonly commonName: string;
  /** Subject alternative names, `DNS:zk1` or `IP:127.0.0.1`; none = the certificate names nobody. */
  readonly names?: readonly string[];
  readonly usage: "serverAuth" | "clientAuth";
  /** Already over, for a test of expiry. */
  readonly expired?: boolean;
}

/** A certificate authority for one test run. */
export interface TestAuthority {
  readonly caFile: string;
  issue(request: CertificateRequest): Promise<IssuedCertificate>;
  /** A server certificate for these names, and this authority as the one that clients must be from. */
  serverTls(names: readonly string[], clientAuth?: "need" | "none"): Promise<ZooKeeperServerTls>;
  dispose(): void;
}

const KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"] as const;
const DAYS = "2";

/** Needs `openssl`. Private keys lie in a directory that only this user can read. */
export async function createTestAuthority(commonName = "Holdfast test authority"): Promise<TestAuthority> {
  const directory = mkdtempSync(join(tmpdir(), "holdfast-pki-"));
  const file = (name: string) => join(directory, name);
  const openssl = (...args: string[]) => command(["openssl", ...args]);
  const caFile = file("ca.pem");
  const caKey = file("ca.key");
  await openssl("req", "-x509", ...KEY, "-keyout", caKey, "-out", caFile, "-subj", `/CN=${commonName}`, "-days", DAYS);
  let issued = 0;
  const issue = async (request: CertificateRequest): Promise<IssuedCertificate> => {
    issued += 1;
    const name = `${issued}-${request.usage}`;
    const [keyFile, certFile, bundleFile] = [file(`${name}.key`), file(`${name}.pem`), file(`${name}.bundle.pem`)];
    const requestFile = file(`${name}.csr`);
    const extensionFile = file(`${name}.ext`);
    await openssl("req", "-new", ...KEY, "-keyout", keyFile, "-out", requestFile, "-subj", `/CN=${request.commonName}`);
    writeFileSync(extensionFile, extensions(request));
    // A negative number of days ends before it begins: such a certificate has always been over.
    const days = request.expired === true ? "-1" : DAYS;
    await openssl(
      ...["x509", "-req", "-in", requestFile, "-CA", caFile, "-CAkey", caKey, "-CAcreateserial"],
      ...["-days", days, "-extfile", extensionFile, "-out", certFile],
    );
    writeFileSync(bundleFile, readFileSync(certFile, "utf8") + readFileSync(keyFile, "utf8"), { mode: 0o600 });
    return { certFile, keyFile, bundleFile };
  };
  return {
    caFile,
    issue,
    async serverTls(names, clientAuth = "need") {
      const { bundleFile } = await issue({ commonName: "zookeeper", names, usage: "serverAuth" });
      return { keyStoreFile: bundleFile, trustStoreFile: caFile, clientAuth };
    },
    dispose() {
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

function extensions({ names = [], usage }: CertificateRequest): string {
  const lines = [`extendedKeyUsage=${usage}`];
  if (names.length > 0) lines.push(`subjectAltName=${names.join(",")}`);
  return `${lines.join("\n")}\n`;
}
