import { findZooKeeperRuntime, startZooKeeper, type ZooKeeperServer } from "@holdfast/testkit";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { WORKAROUNDS } from "../src/zookeeper/workarounds.js";
import { CONNECTION_DEFECTS } from "./zookeeper/connection-defects.js";
import type { Defect } from "./zookeeper/defect.js";
import { type DefectRow, writeDefectReference } from "./zookeeper/defect-reference.js";
import { Scene } from "./zookeeper/scene.js";
import { SESSION_DEFECTS } from "./zookeeper/session-defects.js";
import { WRITE_DEFECTS } from "./zookeeper/write-defects.js";

/*
 * Every defect of node-zookeeper-client that matters here, against a real server: once as the store is, where it must
 * not show, and once with the work-round switched off, where it must. A defect that no longer shows means that the
 * client was mended, or that its test tests nothing.
 */

const DEFECTS: readonly Defect[] = [...CONNECTION_DEFECTS, ...SESSION_DEFECTS, ...WRITE_DEFECTS];

let server: ZooKeeperServer;
let scene: Scene;
const rows = new Map<Defect, DefectRow>();

beforeAll(async () => {
  server = await startZooKeeper({ settings: { enforceQuota: "true" } });
});
afterAll(async () => {
  await server.dispose();
  if (process.env.HOLDFAST_WRITE_REFERENCE === "1") {
    await writeDefectReference([...rows.values()], findZooKeeperRuntime().version);
  }
});
beforeEach(() => {
  scene = new Scene(server);
});
afterEach(() => scene.end());

describe.each(DEFECTS)("$title", (defect) => {
  test("does not show", async () => {
    const seen = await defect.observe(scene, WORKAROUNDS);
    rows.set(defect, { defect, with: seen.text, without: "" });
    expect(seen.healthy, seen.text).toBe(true);
  });

  test(`shows without ${defect.off.join(" and ")}`, async () => {
    const without = Object.fromEntries(defect.off.map((name) => [name, false]));
    const seen = await defect.observe(scene, { ...WORKAROUNDS, ...without });
    rows.set(defect, { defect, with: rows.get(defect)?.with ?? "", without: seen.text });
    expect(seen.healthy, seen.text).toBe(false);
  });
});
