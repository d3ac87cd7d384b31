import { type FaultRow, killed, rideOut, stopped, type TreeRole, takeover, WRAPPER_ROLES } from "@holdfast/testkit";

const stores = ["directory", "zookeeper"] as const;
const NAMES: Readonly<Record<Exclude<TreeRole, "app">, string>> = {
  guard: "the guard",
  lock: "the lock process",
  sentry: "the sentry",
  init: "the init",
};

/** A part that dies ends the tree at once, and the end is known: no lease has to run out. */
const FAST = { kind: "takeover", within: "fast", after: "tree-gone" } as const;
/** Stopped, or all gone: nobody can tell, only the lease's lapse does. */
const LAPSE = { kind: "takeover", within: "lease", after: "fault" } as const;
const UNDISTURBED = { kind: "undisturbed" } as const;

/** As where namespaces are not permitted: the tree is walked, and the kernel's parent-death signals do the rest. */
const SUBREAPER = ["--tree", "subreaper"];
const LOST = [80];
const KILLED = ["SIGKILL"];
const INTERNAL = [70];

function partRows(role: Exclude<TreeRole, "app">): FaultRow[] {
  const group = `${NAMES[role]} alone`;
  const part = { group, stores };
  // The lock process can be replaced under a living grant; the others cannot.
  const isLock = role === "lock";
  const killedExit = role === "guard" ? KILLED : INTERNAL;
  const kill: FaultRow = isLock
    ? { ...part, name: "kill -9 of the lock process", expected: UNDISTURBED, play: rideOut(() => killed(role)) }
    : {
        ...part,
        name: `kill -9 of ${NAMES[role]}`,
        expected: FAST,
        holderExit: killedExit,
        play: takeover(() => killed(role)),
      };
  const long: FaultRow = {
    ...part,
    name: `SIGSTOP of ${NAMES[role]} for three leases`,
    ...(isLock
      ? { expected: UNDISTURBED, play: rideOut(({ profile }) => stopped(profile.longFaultMs, role)) }
      : { expected: LAPSE, play: takeover(({ profile }) => stopped(profile.longFaultMs, role)) }),
  };
  return [
    { ...kill, short: role === "guard" || isLock ? ["directory", "zookeeper"] : ["directory"] },
    {
      ...part,
      name: `SIGSTOP of ${NAMES[role]} for a quarter of a lease`,
      expected: UNDISTURBED,
      play: rideOut(({ profile }) => stopped(profile.shortFaultMs, role)),
    },
    role === "guard" ? { ...long, holderExit: LOST, short: ["directory"] } : long,
  ];
}

const together = { group: "guard, lock process, sentry and init together", stores } as const;

export const processRows: readonly FaultRow[] = [
  ...(["guard", "lock", "sentry", "init"] as const).flatMap(partRows),
  {
    ...together,
    name: "kill -9 of all four at once",
    expected: LAPSE,
    holderExit: KILLED,
    short: ["zookeeper"],
    play: takeover(() => killed(...WRAPPER_ROLES)),
  },
  {
    ...together,
    name: "SIGSTOP of all four for a quarter of a lease",
    expected: UNDISTURBED,
    play: rideOut(({ profile }) => stopped(profile.shortFaultMs, ...WRAPPER_ROLES)),
  },
  {
    ...together,
    name: "SIGSTOP of all four for three leases",
    expected: LAPSE,
    short: ["directory", "zookeeper"],
    play: takeover(({ profile }) => stopped(profile.longFaultMs, ...WRAPPER_ROLES)),
  },
  {
    ...together,
    name: "kill -9 of all four on an ensemble of three",
    stores: ["ensemble"],
    expected: LAPSE,
    holderExit: KILLED,
    play: takeover(() => killed(...WRAPPER_ROLES)),
  },
  {
    group: "what the application does to itself",
    stores: ["directory"],
    name: "kill -9 of the guard, the application has 200 children that ignore signals",
    expected: FAST,
    holderExit: KILLED,
    play: takeover(() => killed("guard"), { holder: { writer: { children: 200 } } }),
  },
  {
    group: "what the application does to itself",
    stores,
    name: "kill -9 of the guard, the application left a daemon that writes",
    expected: FAST,
    holderExit: KILLED,
    play: takeover(() => killed("guard"), { holder: { writer: { daemon: true } } }),
  },
  {
    group: "what the application does to itself",
    stores: ["directory"],
    name: "kill -9 of the guard, the application has changed its user",
    expected: FAST,
    holderExit: KILLED,
    play: takeover(() => killed("guard"), { holder: { writer: { uid: 65_534 } } }),
  },
  {
    group: "what the application does to itself",
    stores: ["directory"],
    name: "kill -9 of the guard without a PID namespace, the application left a daemon that writes",
    expected: FAST,
    holderExit: KILLED,
    play: takeover(() => killed("guard"), { holder: { writer: { daemon: true }, flags: SUBREAPER } }),
  },
  {
    group: "what the application does to itself",
    stores: ["directory"],
    name: "SIGSTOP of all four for three leases without a PID namespace",
    expected: LAPSE,
    play: takeover(({ profile }) => stopped(profile.longFaultMs, ...WRAPPER_ROLES), { holder: { flags: SUBREAPER } }),
  },
  {
    group: "what the application does to itself",
    stores: ["directory"],
    name: "SIGSTOP of all four for three leases, the application left a daemon that writes",
    expected: LAPSE,
    play: takeover(({ profile }) => stopped(profile.longFaultMs, ...WRAPPER_ROLES), {
      holder: { writer: { daemon: true } },
    }),
  },
];
