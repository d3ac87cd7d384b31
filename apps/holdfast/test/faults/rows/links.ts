import { cutOff, type FaultRow, linkDown, rideOut, takeover } from "@holdfast/testkit";

const group = "the holder's agent loses the store";
const LAPSE = { kind: "takeover", within: "lease", after: "fault" } as const;
const UNDISTURBED = { kind: "undisturbed" } as const;
const LOST = [80];

export const linkRows: readonly FaultRow[] = [
  {
    group,
    name: "cut off silently for a quarter of a lease",
    stores: ["directory", "zookeeper"],
    short: ["zookeeper"],
    expected: UNDISTURBED,
    play: rideOut(({ profile }) => cutOff(profile.shortFaultMs)),
  },
  {
    group,
    name: "cut off silently for three leases",
    stores: ["directory", "zookeeper", "ensemble"],
    short: ["directory", "zookeeper"],
    expected: LAPSE,
    holderExit: LOST,
    play: takeover(({ profile }) => cutOff(profile.longFaultMs)),
  },
  {
    group,
    name: "link down for a quarter of a lease",
    stores: ["zookeeper"],
    expected: UNDISTURBED,
    play: rideOut(({ profile }) => linkDown(profile.shortFaultMs)),
  },
  {
    group,
    name: "link down for three leases",
    stores: ["zookeeper"],
    expected: LAPSE,
    holderExit: LOST,
    play: takeover(({ profile }) => linkDown(profile.longFaultMs)),
  },
];
