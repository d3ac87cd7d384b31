import { shortProfile } from "./environment.js";
import { allRows, controlRows } from "./rows/index.js";
import { describeRows, planRows, shortOnly } from "./suite.js";

/*
 * One fault per class, end to end, on both stores, with a lease of 3 s. The whole table, with a lease of 10 s and a
 * thousand writes after each fault, is `pnpm test:faults`.
 */

const profile = shortProfile();

describeRows("control", shortOnly(planRows(controlRows)), { profile, subject: "control", concurrent: true });

describeRows("faults", shortOnly(planRows(allRows)), { profile, subject: "holdfast", concurrent: true });
