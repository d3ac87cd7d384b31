import { HoldfastError, type SchedulerVolume, type Volume } from "@holdfast/core";
import { mesosVolume, sizeMiBOf } from "./options.js";

/**
 * Pure: what Marathon is asked to make.
 * @throws `INVALID_SPEC`: no size; a maximum that is not above it. `UNSUPPORTED` with `through: mesos`: Marathon launches on
 *   volumes that carry its own labels and on no other.
 */
export function schedulerVolumeOf(volume: Volume): SchedulerVolume {
  const { options, name } = mesosVolume(volume);
  if (options.through === "mesos") {
    throw new HoldfastError("UNSUPPORTED", "Marathon cannot use a volume that it did not make itself.", {
      hint: "Set through: marathon, and let Marathon make one; or run the service without Marathon.",
    });
  }
  const sizeMiB = sizeMiBOf(volume);
  const sizeMiBMax = options.diskMiBMax ?? null;
  if (sizeMiBMax !== null && sizeMiBMax <= sizeMiB) {
    throw new HoldfastError("INVALID_SPEC", `diskMiBMax (${sizeMiBMax}) is not above diskMiB (${sizeMiB}).`, {
      hint: "Marathon answers 422. Raise diskMiBMax, or leave it out.",
      detail: { path: ["options", "diskMiBMax"] },
    });
  }
  return {
    name,
    sizeMiB,
    disk: options.disk,
    sizeMiBMax,
    diskPath: options.diskPath ?? null,
    atMountPath: options.view === "mount-path",
    agents: options.agents ?? null,
  };
}
