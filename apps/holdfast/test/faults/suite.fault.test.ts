import { suiteProfile } from "./environment.js";
import { allRows, controlRows } from "./rows/index.js";
import { describeRows, planRows } from "./suite.js";

const profile = suiteProfile();

// What a lock wrapper as it is usually written does in this harness: without two writers here the rest proves nothing.
describeRows("control", planRows(controlRows), { profile, subject: "control", concurrent: true });

describeRows(
  "faults",
  planRows(allRows, (store) => store !== "ensemble"),
  {
    profile,
    subject: "holdfast",
    concurrent: true,
  },
);
