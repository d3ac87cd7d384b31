// A guard in a process of its own, as `holdfast run` is one: argv[2] is a file with its configuration and where the
// lock process's double finds its instructions. Says on standard error what the guard logs, and exits as it does.
import { readFileSync, writeFileSync } from "node:fs";
import { systemClock } from "@holdfast/effects";
import { processSignals, runGuard, spawnLockProcess } from "@holdfast/supervisor";

const { config, initPath, directory, lockDouble } = JSON.parse(readFileSync(process.argv[2], "utf8"));
const outcome = await runGuard(config, {
  spawnLock: () => spawnLockProcess({ file: process.execPath, args: [lockDouble, directory] }),
  initPath,
  clock: systemClock,
  logger: {
    log(level, message) {
      process.stderr.write(`holdfast: ${level}: ${message}\n`);
      // A defect, where a test asks for one: whatever the guard calls may throw.
      const { HOLDFAST_TEST_DEFECT_AT } = process.env;
      if (HOLDFAST_TEST_DEFECT_AT !== undefined && message.includes(HOLDFAST_TEST_DEFECT_AT))
        throw new Error("a defect");
    },
  },
  signals: processSignals,
});
writeFileSync(`${directory}/outcome.json`, JSON.stringify(outcome));
process.exit(outcome.exitCode);
