// @ts-check

const guard = "packages/supervisor/src/guard/";

/**
 * Deviations of the guard that the judge of its simulated world must reject.
 * @type {readonly import("./mutants.mjs").Mutant[]}
 */
export const storageMutants = [
  {
    name: "the application's tree does not wait for its volumes",
    model: "order",
    file: `${guard}storage.ts`,
    find: '  turn.toStorageInit({ type: "start" });',
    replace: '  turn.toStorageInit({ type: "start" });\n  turn.emit({ type: "start-tree", join: storage.init });',
  },
  {
    name: "the application's tree is made beside the storage tree",
    model: "order",
    file: `${guard}storage.ts`,
    find: "join: config.storage?.mounts === true ? storage.init : null",
    replace: "join: null",
  },
  {
    name: "a receipt for an earlier epoch is enough",
    model: "order",
    file: `${guard}prepare.ts`,
    find: "BigInt(epoch) < BigInt(pendingFence.epoch)",
    replace: "turn.nowMs < 0",
  },
  {
    name: "a volume that is only being prepared is probed",
    model: "order",
    file: `${guard}watch.ts`,
    find: " || config.storage?.initialise === true",
    replace: "",
  },
  {
    name: "the lock process is not told of the storage tree before something starts in it",
    model: "guard death",
    file: `${guard}storage.ts`,
    find: "  announceTrees(turn);\n",
    replace: "",
  },
  {
    name: "a new lock process is not told of the trees",
    model: "guard death",
    file: `${guard}lock-life.ts`,
    find: '  announceTrees(turn);\n  if (turn.state.history?.kind === "started")',
    replace: '  if (turn.state.history?.kind === "started")',
  },
  {
    name: "the lock process cannot cut",
    model: "guard death",
    file: `${guard}boot.ts`,
    find: 'if (config.storage.cut !== "local") turn.set({ settle: config.storage.cutProgram });',
    replace: "",
  },
  {
    name: "the storage tree's deadline is moved after its kill",
    model: "deadline",
    file: `${guard}renewal.ts`,
    find: ' || storage.stage === "killed"',
    replace: "",
  },
  {
    name: "renewals go on while the storage init does not answer",
    model: "deadline",
    file: `${guard}renewal.ts`,
    find: '    ...(state.storage.kind === "present" ? [state.storage.deadline] : []),\n',
    replace: "",
  },
  {
    name: "volumes are unmounted beyond the deadline",
    model: "deadline",
    file: `${guard}machine.ts`,
    find: "if (isEnding(turn.state)) return killStorage(turn);",
    replace: "if (isEnding(turn.state)) return;",
  },
  {
    name: "volumes are unmounted although another run has the lease",
    model: "deadline",
    file: `${guard}lock-messages.ts`,
    find: '  if (code === "LEASE_LOST") killStorage(turn);\n',
    replace: "",
  },
  {
    name: "unmounting begins under a lost lease",
    model: "deadline",
    file: `${guard}storage.ts`,
    find: 'storage.stage === "up" && grant !== null && !grant.lost && !hung',
    replace: 'storage.stage === "up" && grant !== null && !hung',
  },
  {
    name: "a hung unmount is waited for",
    model: "bounds",
    file: `${guard}storage.ts`,
    find: '    turn.arm("storage-down", limits.settleMs);\n',
    replace: "",
  },
  {
    name: "a storage tree that cannot be killed is waited for",
    model: "bounds",
    file: `${guard}storage.ts`,
    find: '  turn.arm("storage-leftover", turn.state.limits.leftoverMs);\n',
    replace: "",
  },
  {
    name: "an application that cannot be killed keeps the volumes up",
    model: "bounds",
    file: `${guard}stop.ts`,
    find: 'turn.set({ leftover: what, tree: { kind: "gone" } });',
    replace: "turn.set({ leftover: what });",
  },
  {
    name: "released while the storage tree lives",
    model: "release",
    file: `${guard}stop.ts`,
    find: "if (bringDown(turn) || mustCut(turn)) return;",
    replace: "if (mustCut(turn)) return;",
  },
  {
    name: "cut before the storage tree is gone",
    model: "release",
    file: `${guard}stop.ts`,
    find: "if (bringDown(turn) || mustCut(turn)) return;",
    replace: "if (mustCut(turn) || bringDown(turn)) return;",
  },
  {
    name: "released without a cut",
    model: "release",
    file: `${guard}stop.ts`,
    find: "if (bringDown(turn) || mustCut(turn)) return;",
    replace: "if (bringDown(turn)) return;",
  },
  {
    name: "an incomplete cut counts",
    model: "release",
    file: `${guard}storage.ts`,
    find: 'if (report?.kind === "cut" && ended) {',
    replace: "if (report?.kind !== undefined && ended) {",
  },
  {
    name: "what the cut program says counts more than how it ended",
    model: "release",
    file: `${guard}storage.ts`,
    find: 'if (report?.kind === "cut" && ended) {',
    replace: 'if (report?.kind === "cut") {',
  },
  {
    name: "an unmount that failed counts as clean",
    model: "release",
    file: `${guard}storage.ts`,
    find: "turn.set({ storageEnd: { ...turn.state.storageEnd, clean } });",
    replace: "turn.set({ storageEnd: { ...turn.state.storageEnd, clean: true } });",
  },
  {
    name: "an unmount that nobody asked for counts",
    model: "release",
    file: `${guard}storage.ts`,
    find: '  if (stageOf(turn) !== "down") return;\n',
    replace: "",
  },
  {
    name: "the end of the storage sentry counts as that of its tree",
    model: "release",
    file: `${guard}storage.ts`,
    find: '  if (storage.kind !== "present") return;\n  turn.emit({\n    type: "watch-storage",',
    replace:
      '  if (storage.kind !== "present") return;\n  if (turn.nowMs > 0) return onStorageGone(turn, true, how);\n  turn.emit({\n    type: "watch-storage",',
  },
  {
    name: "an end of the storage tree that is not proven counts",
    model: "release",
    file: `${guard}storage.ts`,
    find: "  if (!proven) {\n",
    replace: "  if (turn.nowMs < 0) {\n",
  },
];
