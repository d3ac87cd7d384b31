import { control, cutOff, type FaultRow, killed, stopped } from "@holdfast/testkit";

const expected = { kind: "takeover", within: "lease", after: "fault" } as const;

/**
 * The control: a lock wrapper as it is usually written, in the same harness. Its rows must show two writers, else the
 * table proves nothing.
 */
export const controlRows: readonly FaultRow[] = [
  {
    name: "control: naive wrapper, kill -9 of the wrapper",
    group: "control",
    stores: ["directory", "zookeeper"],
    short: ["directory", "zookeeper"],
    expected,
    play: control(() => killed("guard")),
  },
  {
    name: "control: naive wrapper, SIGSTOP of the wrapper for three leases",
    group: "control",
    stores: ["directory", "zookeeper"],
    expected,
    play: control(({ profile }) => stopped(profile.longFaultMs, "guard")),
  },
  {
    name: "control: naive wrapper, its agent cut off for three leases",
    group: "control",
    stores: ["zookeeper"],
    expected,
    play: control(({ profile }) => cutOff(profile.longFaultMs)),
  },
];
