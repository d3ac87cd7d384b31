import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { appLines, judgeApps, reportApps } from "./app-file.js";

let directory = "";
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "holdfast-app-"));
});
afterAll(() => rm(directory, { recursive: true }));

const naive = { id: "/db/main", cmd: "mysqld", instances: 3, env: { DB_PASSWORD: "hunter2" } };

describe("doctor --app", () => {
  test("says of each app in a file what is found, errors first", () => {
    const [report, other] = judgeApps({ apps: [naive, { ...naive, id: "/db/other" }] }, "apps.json");
    expect(report).toMatchObject({ pointer: "/apps/0", id: "/db/main" });
    expect(other).toMatchObject({ pointer: "/apps/1", id: "/db/other" });
    expect(report?.findings[0]).toMatchObject({ severity: "error" });
    expect(report?.findings.map(({ code }) => code)).toContain("MARATHON_INSTANCES");
  });

  test("prints code, place, why and fix, and never a value of the environment", () => {
    const [report] = judgeApps(naive, "main.json");
    if (report === undefined) throw new Error("no report");
    const lines = appLines(report);
    expect(lines[0]).toMatch(/^\/db\/main \(main\.json\): \d+ errors, \d+ warnings$/);
    expect(lines).toHaveLength(1 + 3 * report.findings.length);
    expect(lines.join("\n")).toContain("/env/DB_PASSWORD");
    expect(lines.join("\n")).not.toContain("hunter2");
  });

  test("refuses a document without an app", () => {
    expect(() => judgeApps({ tasks: [] }, "tasks.json")).toThrow(expect.objectContaining({ code: "INVALID_SPEC" }));
  });

  test("names the line of what is not JSON, and does not quote it", async () => {
    const file = join(directory, "broken.json");
    await writeFile(file, '{\n  "id": "/a",\n  "env": { "PASSWORD": hunter2 }\n}\n');
    await expect(reportApps(file)).rejects.toMatchObject({
      code: "INVALID_SPEC",
      message: `${file}:3: this is not JSON.`,
    });
  });

  test("tells a file that is not there from one that is wrong", async () => {
    await expect(reportApps(join(directory, "none.json"))).rejects.toMatchObject({ code: "BAD_CONFIGURATION" });
    await expect(reportApps(directory)).rejects.toMatchObject({ code: "BAD_CONFIGURATION" });
  });
});
