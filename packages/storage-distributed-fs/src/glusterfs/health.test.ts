import { expect, test } from "vitest";
import { judgeHealth } from "./health.js";
import type { VolumeInfo } from "./xml.js";

const info: VolumeInfo = {
  status: "Started",
  replicas: 3,
  dispersed: 0,
  options: new Map(),
  bricks: [0, 1, 2].map((index) => ({ name: `s${index}:/b`, host: `s${index}`, set: 0 })),
};
const states = (...online: boolean[]) => online.map((up, index) => ({ name: `s${index}:/b`, online: up, clients: [] }));

test("one of three may be down, two may not; a brick that nobody lists is down", () => {
  expect(judgeHealth(info, states(true, true, true), [], undefined)).toEqual({
    lostQuorum: [],
    offline: [],
    splitBrain: [],
  });
  expect(judgeHealth(info, states(true, true), [], undefined)).toMatchObject({ lostQuorum: [], offline: ["s2:/b"] });
  expect(judgeHealth(info, states(true, false), [], undefined).lostQuorum).toEqual(["set 0: 1 of 3 bricks are up"]);
});

test("split-brain counts once, and only what may be ours", () => {
  const entries = ["/orders/a", "/ordersx", "/other/b", "<gfid:1>"];
  const heal = [
    { brick: "s0:/b", connected: true, entries },
    { brick: "s1:/b", connected: true, entries },
  ];
  expect(judgeHealth(info, states(true, true, true), heal, undefined).splitBrain).toEqual(entries);
  expect(judgeHealth(info, states(true, true, true), heal, "/orders").splitBrain).toEqual(["/orders/a", "<gfid:1>"]);
});
