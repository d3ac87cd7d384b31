export interface HeldLock {
  /** Grows with each holder. */
  readonly epoch: number;
  onLost(listener: (why: string) => void): void;
  release(): Promise<void>;
}

export interface LockRequest {
  readonly url: URL;
  readonly service: string;
  readonly sessionMs: number;
  readonly say: (line: string) => void;
}

/** Waits for the lock, for ever. */
export type AcquireLock = (request: LockRequest) => Promise<HeldLock>;
