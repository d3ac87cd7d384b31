// An application for guards to run: appends the monotonic clock (milliseconds) to FILE every few of them, and says in FILE.events what
// happens to it. Modes: deaf (ignores TERM), slow=MS (ends that long after TERM), daemon (leaves a writer behind and ends, or
// with stay lives on beside it),
// exit=N (ends at once), hang (reads what never answers, in a child), raise=SIG, stdin (writes what it reads), environment (writes its variables and ends).
import { spawn, spawnSync } from "node:child_process";
import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
import { constants } from "node:os";

const [file, ...modes] = process.argv.slice(2);
const value = (name) => modes.find((mode) => mode.startsWith(`${name}=`))?.slice(name.length + 1);
const monoMs = () => Number(process.hrtime.bigint()) / 1e6;
const say = (what) => appendFileSync(`${file}.events`, `${monoMs()} ${what}\n`);

for (const signal of ["SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2", "SIGWINCH"]) {
  process.on(signal, () => {
    say(signal);
    if (modes.includes("deaf") || ["SIGUSR1", "SIGUSR2", "SIGWINCH"].includes(signal)) return;
    setTimeout(
      () => {
        say("end");
        process.exit(Number(value("exit-on-term") ?? 0));
      },
      Number(value("slow") ?? 0),
    );
  });
}
say(`start ${process.pid}`);
if (modes.includes("environment")) {
  writeFileSync(file, JSON.stringify(process.env));
  process.exit(0);
}
if (modes.includes("stdin")) {
  process.stdout.write(`read ${readFileSync(0, "utf8")}`);
  process.exit(0);
}
if (modes.includes("hang")) {
  say("asks");
  spawnSync("cat", [`${process.env.HOLDFAST_DATA_DIR}/../hang/file`]);
}
if (value("exit") !== undefined) process.exit(Number(value("exit")));
if (value("raise") !== undefined) {
  process.removeAllListeners(value("raise"));
  process.kill(process.pid, constants.signals[value("raise")]);
}
if (modes.includes("daemon")) {
  const daemon = spawn(process.execPath, [process.argv[1], file, "deaf"], { detached: true, stdio: "ignore" });
  daemon.unref();
  daemon.on("spawn", () => {
    if (modes.includes("stay")) setInterval(() => undefined, 1_000_000);
    else process.exit(7);
  });
} else {
  setInterval(() => appendFileSync(file, `${monoMs()}\n`), 5);
}
