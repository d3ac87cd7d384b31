/** How volumes are read, written and settled: programs that run as children, because a volume can hang. */
export interface VolumeTools {
  /** Program and first arguments; the volume's path follows. */
  readonly read: readonly string[];
  /** The path follows, and the new epoch.json when there is one. */
  readonly write: readonly string[];
  readonly settle: readonly string[];
}

/** The applets of the native init. */
export function nativeVolumeTools(initPath: string): VolumeTools {
  return { read: [initPath, "volume-read"], write: [initPath, "volume-write"], settle: [initPath, "sync"] };
}
