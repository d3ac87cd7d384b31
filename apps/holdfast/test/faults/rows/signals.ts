import { allTold, type FaultRow, groupTold, takeover, told, typed } from "@holdfast/testkit";

const group = "told to stop";
const stores = ["directory", "zookeeper"] as const;
const FAST = { kind: "takeover", within: "fast", after: "tree-gone" } as const;
/** The application's own number, to see that it is passed on exactly. */
const OWN = 7;
/** Half the stop budget: slow, but in time. */
const slow = (stopBudgetMs: number) => ({ onTerm: stopBudgetMs / 2, exitCode: OWN }) as const;
const clean = { writer: { exitCode: OWN } } as const;

export const signalRows: readonly FaultRow[] = [
  {
    group,
    name: "TERM, the application stops at once",
    stores,
    short: ["directory", "zookeeper"],
    expected: FAST,
    holderExit: [OWN],
    released: true,
    play: takeover(() => told("SIGTERM"), { holder: clean }),
  },
  {
    group,
    name: "TERM, the application is slow but within its budget",
    stores,
    expected: FAST,
    holderExit: [OWN],
    released: true,
    play: (scene) =>
      takeover(() => told("SIGTERM"), { holder: { writer: slow(scene.profile.timing.stopBudgetMs) } })(scene),
  },
  {
    group,
    name: "TERM, the application is deaf",
    stores,
    short: ["directory"],
    expected: FAST,
    holderExit: [137],
    released: true,
    play: takeover(() => told("SIGTERM"), { holder: { writer: { onTerm: "ignore" } } }),
  },
  {
    group,
    name: "TERM, the application leaves a daemon that writes on",
    stores,
    expected: FAST,
    holderExit: [OWN],
    released: true,
    play: takeover(() => told("SIGTERM"), { holder: { writer: { daemon: true, exitCode: OWN } } }),
  },
  {
    group,
    name: "TERM to every process of the tree at the same instant, in random order",
    stores,
    short: ["zookeeper"],
    expected: FAST,
    holderExit: [OWN],
    released: true,
    play: takeover(() => allTold("SIGTERM"), { holder: clean }),
  },
  {
    group,
    name: "INT to the wrapper's process group",
    stores,
    expected: FAST,
    holderExit: [OWN],
    released: true,
    play: takeover(() => groupTold("SIGINT"), { holder: clean }),
  },
  {
    group,
    name: "^C on the terminal",
    stores,
    short: ["directory"],
    expected: FAST,
    holderExit: [OWN],
    released: true,
    play: takeover(() => typed("\x03", "^C"), { holder: { ...clean, terminal: true } }),
  },
];
