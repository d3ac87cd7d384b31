import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { ControlTarget } from "@holdfast/core";
import { command } from "../../agents/command.js";

/** An ssh server's files in one directory, and how to reach it with the one key that it takes. */
export interface SshSetup {
  /** argv of sshd in the foreground. */
  readonly server: readonly [string, ...string[]];
  /** To run `command` as root there; from every machine that sees the directory. */
  target(...command: [string, ...string[]]): ControlTarget;
}

/** Keys made for this one server; its address is the only one it listens on. */
export async function createSshSetup(directory: string, address: string): Promise<SshSetup> {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const at = (name: string) => join(directory, name);
  for (const name of ["host_key", "key"]) {
    await command(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "holdfast-test", "-f", at(name)]);
  }
  await command(["cp", at("key.pub"), at("authorized_keys")]);
  const { stdout: hostKey } = await command(["cat", at("host_key.pub")]);
  writeFileSync(at("known_hosts"), `${address} ${hostKey}`);
  const settings = {
    ListenAddress: address,
    HostKey: at("host_key"),
    AuthorizedKeysFile: at("authorized_keys"),
    PidFile: "none",
    StrictModes: "no",
    UsePAM: "no",
    UseDNS: "no",
    PasswordAuthentication: "no",
    PermitRootLogin: "prohibit-password",
    // The default would take seconds where the processor is emulated.
    KexAlgorithms: "curve25519-sha256",
    // A bash that sshd starts reads ~/.bashrc, unless it is a nested one.
    SetEnv: "SHLVL=1",
  };
  writeFileSync(
    at("sshd_config"),
    Object.entries(settings)
      .map(([name, value]) => `${name} ${value}\n`)
      .join(""),
  );
  return {
    server: ["/usr/sbin/sshd", "-D", "-e", "-f", at("sshd_config")],
    target: (...argv) => ({
      kind: "ssh",
      host: address,
      port: 22,
      user: "root",
      identityFile: at("key"),
      knownHostsFile: at("known_hosts"),
      command: argv,
    }),
  };
}
