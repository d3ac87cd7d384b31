import { UNKNOWN_SITUATION, volumeOutlook } from "@holdfast/coordination";
import { createFakeStorageStrategy } from "@holdfast/testkit";
import { expect, test } from "vitest";
import { volumeLines } from "./lines.js";

const volume = { service: "s", role: "data", mountPath: "/srv/s", diskMiB: null, options: {} };

test("a volume's lines show its commands as they would be run, and that its storage did not answer", () => {
  const commands = { fence: ["ssh filer exportfs -u b:/x"], mount: ["mount -t nfs4 filer:/x /srv/s"] };
  const strategy = { ...createFakeStorageStrategy(), explain: () => ({ statements: [], commands, settings: [] }) };
  const lines = volumeLines(
    volumeOutlook({ strategy, volume, observed: null, problem: "no route" }, UNKNOWN_SITUATION),
  );
  expect(lines).toEqual(expect.arrayContaining(["  fence: ssh filer exportfs -u b:/x"]));
  expect(lines.join("\n")).toContain("no route");
});
