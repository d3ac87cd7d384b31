import { type Fault, type FaultRow, fakeUptime, rideOut, type Scene, takeover } from "@holdfast/testkit";

const group = "the machine was suspended: boot time ahead of monotonic time";
const stores = ["directory", "zookeeper"] as const;

/**
 * The holder's wrapper sees a /proc/uptime of its own, which then jumps. The init reads the kernel's clock and is not
 * deceived; what is tested is the wrapper's own rule.
 */
function suspended(leases: (scene: Scene) => number, play: typeof takeover): FaultRow["play"] {
  return async (scene) => {
    const uptime = await fakeUptime(scene);
    const jump = (): Fault => ({
      durationMs: null,
      async inject() {
        const jumpMs = leases(scene);
        const seen = await uptime.jump(jumpMs);
        return { observed: `boot time of the wrapper advanced by ${jumpMs} ms: ${seen}` };
      },
    });
    return play(jump, { holder: { before: uptime.before } })(scene);
  };
}

export const clockRows: readonly FaultRow[] = [
  {
    group,
    name: "for a quarter of a lease",
    stores,
    expected: { kind: "undisturbed" },
    play: suspended(({ profile }) => profile.shortFaultMs, rideOut),
  },
  {
    group,
    name: "for three leases",
    stores,
    short: ["directory"],
    expected: { kind: "takeover", within: "lease", after: "fault" },
    holderExit: [80],
    play: suspended(({ profile }) => profile.longFaultMs, takeover),
  },
];
