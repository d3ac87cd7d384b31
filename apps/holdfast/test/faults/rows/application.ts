import { applicationEnds, type FaultRow, takeover } from "@holdfast/testkit";

const group = "the application ends by itself";
const stores = ["directory", "zookeeper"] as const;
const FAST = { kind: "takeover", within: "fast", after: "tree-gone" } as const;
const SIGSEGV = 11;

export const applicationRows: readonly FaultRow[] = [
  {
    group,
    name: "the application exits with 0",
    stores,
    expected: FAST,
    holderExit: [0],
    released: true,
    play: takeover(applicationEnds),
  },
  {
    group,
    name: "the application exits with 3",
    stores,
    expected: FAST,
    holderExit: [3],
    released: true,
    play: takeover(applicationEnds, { holder: { writer: { exitCode: 3 } } }),
  },
  {
    group,
    name: "the application dies of a signal",
    stores,
    short: ["directory"],
    expected: FAST,
    holderExit: [128 + SIGSEGV],
    released: true,
    play: takeover(applicationEnds, { holder: { writer: { endBySignal: "SIGSEGV" } } }),
  },
  {
    group,
    name: "the application exits and leaves a daemon that writes on",
    stores,
    expected: FAST,
    holderExit: [5],
    released: true,
    play: takeover(applicationEnds, { holder: { writer: { exitCode: 5, daemon: true } } }),
  },
];
