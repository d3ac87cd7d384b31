import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type AgentNetwork, createAgentNetwork, type Guest, guestsUnavailable, startGuest } from "@holdfast/testkit";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

const unavailable = guestsUnavailable();

describe.skipIf(unavailable !== undefined)(`virtual machines ${unavailable ?? ""}`, () => {
  let network: AgentNetwork;
  let guest: Guest;
  const share = mkdtempSync(join(tmpdir(), "hf-guest-"));

  beforeAll(async () => {
    network = await createAgentNetwork();
    guest = await startGuest({ network, number: 201, name: "one", share });
  });

  afterAll(async () => {
    await guest?.kill();
    await network?.remove();
    rmSync(share, { recursive: true });
  });

  /** Through the command line, as the suites do. */
  const runHere = (argv: readonly string[], input: string, env: Record<string, string> = {}) =>
    new Promise<{ code: number | null; signal: string | null; stdout: string }>((resolve, reject) => {
      const [file = "", ...args] = guest.command(argv);
      const child = spawn(file, args, { stdio: ["pipe", "pipe", "inherit"], env: { ...process.env, ...env } });
      let stdout = "";
      child.stdout.on("data", (chunk: Buffer) => {
        stdout += chunk.toString();
      });
      child.stdin.end(input);
      child.on("error", reject);
      child.on("close", (code, signal) => resolve({ code, signal, stdout }));
    });

  test("a command there has its input, output, environment and exit status", async () => {
    const script = 'tr a-z A-Z; echo "$WORD on $(hostname)"; exit 3';
    expect(await runHere(["bash", "-c", script], "abc\n", { WORD: "hello" })).toEqual({
      code: 3,
      signal: null,
      stdout: "ABC\nhello on one\n",
    });
    const large = "x".repeat(3_000_000);
    expect((await runHere(["cat"], large)).stdout).toHaveLength(large.length);
  });

  test("a command that is killed here is killed there", async () => {
    const [file = "", ...args] = guest.command(["bash", "-c", "echo begun; exec sleep 987"]);
    const child = spawn(file, args, { stdio: ["ignore", "pipe", "inherit"] });
    await new Promise((resolve) => child.stdout.once("data", resolve));
    child.kill("SIGKILL");
    await expect.poll(() => guest.shell("pgrep -cf 'sleep 987$' || true"), { timeout: 10_000 }).toBe("0\n");
  });

  test("it has its own kernel, sees the machine's files, and shares a directory", async () => {
    expect(await guest.shell("cat /proc/version")).toMatch(/Debian/);
    expect(await guest.shell(`${process.execPath} --version`)).toBe(`${process.version}\n`);
    writeFileSync(join(share, "from-here"), "1");
    await guest.shell(`cp ${share}/from-here ${share}/from-there`);
    expect(existsSync(join(share, "from-there"))).toBe(true);
    await guest.shell("modprobe nfs && modprobe nbd && modprobe xfs");
  });

  test("cut off, its packets vanish and commands still reach it; healed, they pass", async () => {
    // Nobody listens there: a packet that arrives is refused at once, and one that does not is waited for (124).
    const connect = ["timeout", "2", "bash", "-c", `: < /dev/tcp/${network.address}/1`];
    const reaches = async () => (await guest.run(connect)).exitCode;
    expect(await reaches()).toBe(1);
    await guest.cut();
    expect(await reaches()).toBe(124);
    await guest.heal();
    await expect.poll(reaches, { timeout: 10_000 }).toBe(1);
    await guest.drop([network.address]);
    expect(await reaches()).toBe(124);
    await guest.heal();
    await expect.poll(reaches, { timeout: 10_000 }).toBe(1);
  });

  test("killed and booted again it is there again, under the same address", async () => {
    const before = await guest.shell("cat /proc/sys/kernel/random/boot_id");
    await guest.kill();
    await guest.boot();
    expect(await guest.shell("cat /proc/sys/kernel/random/boot_id")).not.toBe(before);
  });
});
