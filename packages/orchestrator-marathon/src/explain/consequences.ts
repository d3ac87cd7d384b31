/** What an operator might ask of Marathon while the only task of an app is unreachable and never replaced by itself. */
export const OPERATOR_CALLS = [
  "kill the task",
  "kill the task with wipe=true",
  "scale to 0, then to 1",
  "change or restart it, without checks",
  "change or restart it, with checks",
  "delete the app",
] as const;
export type OperatorCall = (typeof OPERATOR_CALLS)[number];

export interface Consequence {
  readonly call: OperatorCall;
  /** What Marathon answers and does. */
  readonly does: string;
  /** `beside`: a second copy starts although the first may be alive. `empty`: the same, on a new and empty volume. */
  readonly secondCopy: "none" | "beside" | "empty";
  /** The old volume is destroyed when its agent returns. */
  readonly destroysVolume: boolean;
}

const SECOND_LATER =
  "it is decommissioned, a second copy starts within five minutes, and the old one is killed when it returns";
const EMPTY_BESIDE = "a second copy starts on a new, empty volume";
const HANGS = "the deployment hangs, also after the agent is back; it must be sent again with force";

const TABLE: Readonly<Record<OperatorCall, Record<"ephemeral" | "resident", Omit<Consequence, "call">>>> = {
  "kill the task": {
    ephemeral: { does: SECOND_LATER, secondCopy: "beside", destroysVolume: false },
    resident: { does: "it answers 200 and does nothing", secondCopy: "none", destroysVolume: false },
  },
  "kill the task with wipe=true": {
    ephemeral: { does: "the task is forgotten and a second copy starts", secondCopy: "beside", destroysVolume: false },
    resident: { does: `the task is forgotten, and ${EMPTY_BESIDE}`, secondCopy: "empty", destroysVolume: true },
  },
  "scale to 0, then to 1": {
    ephemeral: {
      does: "scaling down succeeds at once, scaling up starts a second copy",
      secondCopy: "beside",
      destroysVolume: false,
    },
    resident: {
      does: `scaling down succeeds at once, then ${EMPTY_BESIDE}; the old reservation stays`,
      secondCopy: "empty",
      destroysVolume: false,
    },
  },
  "change or restart it, without checks": {
    ephemeral: { does: "a second copy starts", secondCopy: "beside", destroysVolume: false },
    resident: { does: EMPTY_BESIDE, secondCopy: "empty", destroysVolume: false },
  },
  "change or restart it, with checks": {
    ephemeral: { does: HANGS, secondCopy: "none", destroysVolume: false },
    resident: { does: HANGS, secondCopy: "none", destroysVolume: false },
  },
  "delete the app": {
    ephemeral: {
      does: "it succeeds at once; created again, it starts a second copy",
      secondCopy: "beside",
      destroysVolume: false,
    },
    resident: {
      does: `it succeeds at once; created again, ${EMPTY_BESIDE}`,
      secondCopy: "empty",
      destroysVolume: true,
    },
  },
};

/** Pure: what Marathon itself would do (facts 4; the sources are named there). Holdfast does none of it. */
export function consequenceOf(call: OperatorCall, app: { readonly resident: boolean }): Consequence {
  return { call, ...TABLE[call][app.resident ? "resident" : "ephemeral"] };
}

/** Pure: those that apply to an app, which either has checks or has none. */
export function consequencesOf(app: { readonly resident: boolean; readonly checks: boolean }): readonly Consequence[] {
  const other: OperatorCall = `change or restart it, ${app.checks ? "without" : "with"} checks`;
  return OPERATOR_CALLS.filter((call) => call !== other).map((call) => consequenceOf(call, app));
}
