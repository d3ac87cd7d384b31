import type { Op, StorageFinding } from "@holdfast/core";
import type { DriverVolume } from "../driver.js";
import { readHealth } from "./check.js";
import { gluster } from "./cli.js";
import type { GlusterfsOptions } from "./options.js";
import { findSettings } from "./settings.js";
import { parseOptions } from "./xml.js";

export async function inspect(op: Op, { options }: DriverVolume<GlusterfsOptions>): Promise<StorageFinding[]> {
  if (options.control.length === 0) {
    return [
      {
        code: "GLUSTER_NO_CONTROL",
        severity: "warning",
        message: "Settings, split-brain and quorum cannot be looked at, and nobody can be fenced.",
        fix: "Set `control` in the volume's options, for example { kind: command, command: [gluster] }.",
      },
    ];
  }
  const { info, health, unseen } = await readHealth(op, options);
  const settings = parseOptions(await gluster(op, options, ["volume", "get", options.volume, "all"]));
  return [
    ...health.lostQuorum.map(
      (what): StorageFinding => ({
        code: "GLUSTER_QUORUM_LOST",
        severity: "error",
        message: `The volume cannot be written to: ${what}.`,
        fix: `gluster volume start ${options.volume} force`,
      }),
    ),
    ...health.offline.map(
      (brick): StorageFinding => ({
        code: "GLUSTER_BRICK_DOWN",
        severity: "warning",
        message: `Brick ${brick} is down.`,
        fix: `gluster volume start ${options.volume} force`,
      }),
    ),
    ...health.splitBrain.map(
      (entry): StorageFinding => ({
        code: "GLUSTER_SPLIT_BRAIN",
        severity: "error",
        message: `${entry} is in split-brain: reading it fails.`,
        fix: `gluster volume heal ${options.volume} split-brain latest-mtime ${entry}, after comparing the copies`,
      }),
    ),
    ...(unseen === undefined ? [] : [unseenSplitBrain(options, unseen)]),
    ...findSettings(options, info, settings),
  ];
}

function unseenSplitBrain({ volume }: GlusterfsOptions, why: string): StorageFinding {
  return {
    code: "GLUSTER_SPLIT_BRAIN_UNSEEN",
    severity: "warning",
    message: `Whether anything is in split-brain could not be found out: ${why}`,
    fix: `gluster volume heal ${volume} info split-brain`,
  };
}
