import { test } from "vitest";
import { openBench, writeSynced } from "./support/bench.js";

test("debug", async () => {
  const bench = await openBench("nbdkit", "ext4");
  try {
    const volume = await bench.volume();
    const [a] = bench.world.agents;
    const first = await bench.hold(volume, a, 1n, { format: true });
    await writeSynced(first, "kept", "x");
    await first.half.unmount(volume);
    const r = await first.half.report("release", [volume]);
    console.log(r.error?.message, r.error?.hint, r.error?.detail, r.effects.slice(-12));
    console.log(
      await first.half.help("exec", {
        argv: [
          "sh",
          "-c",
          "cat /proc/self/mountinfo | tail -5; for r in $(awk '/nbd-data/{print $5}' /proc/self/mountinfo); do umount -l $r; done",
        ],
        timeoutMs: 5000,
      }),
    );
  } finally {
    await bench.close();
  }
});
