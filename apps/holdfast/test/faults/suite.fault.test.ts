import type { RowResult } from "@holdfast/testkit";
import { afterAll } from "vitest";
import { suiteProfile } from "./environment.js";
import { publish } from "./publish.js";
import { allRows, controlRows } from "./rows/index.js";
import { describeRows, kindOf, planRows } from "./suite.js";

const profile = suiteProfile();
const results: RowResult[] = [];
const onResult = (result: RowResult) => {
  results.push(result);
};

const controls = planRows(controlRows);
const faults = planRows(allRows, (store) => store !== "ensemble");
const ensemble = planRows(allRows, (store) => store === "ensemble");
const planned = [...controls, ...faults, ...ensemble];

// What a lock wrapper as it is usually written does in this harness: without two writers here the rest proves nothing.
describeRows("control", controls, { profile, subject: "control", concurrent: true, onResult });

describeRows("faults", faults, { profile, subject: "holdfast", concurrent: true, onResult });

// One ensemble for all of them, and faults that strike its servers: one after the other.
describeRows("ensemble", ensemble, { profile, subject: "holdfast", concurrent: false, onResult });

afterAll(() => {
  const order = ({ name, group, store }: RowResult) =>
    planned.findIndex((plan) => plan.row.name === name && plan.row.group === group && kindOf(plan.store) === store);
  process.stdout.write(
    `${publish(
      profile,
      planned.length,
      results.sort((a, b) => order(a) - order(b)),
    )}\n`,
  );
});
