export interface LintCode {
  /** `error`: two writers, lost data, or Marathon refuses it or never starts it. `warning`: an outage, or harder work. */
  readonly severity: "error" | "warning";
  readonly why: string;
  readonly fix: string;
}

export const error = (why: string, fix: string): LintCode => ({ severity: "error", why, fix });
export const warning = (why: string, fix: string): LintCode => ({ severity: "warning", why, fix });
