import { expect, test } from "vitest";
import { BUILT_IN } from "./built-in.js";
import { loadPlugins } from "./load-plugins.js";
import { pluginOf } from "./shape.js";

test("brings the five strategies, each in the contract's shape", async () => {
  const { strategies } = await loadPlugins({ pluginDirs: [], references: [] });
  expect([...strategies.keys()].sort()).toEqual(["distributed-fs", "local-pin", "mesos-volume", "nbd", "shared-fs"]);
  expect(pluginOf({ holdfastPlugin: BUILT_IN }, "holdfast").strategies).toHaveLength(5);
});
