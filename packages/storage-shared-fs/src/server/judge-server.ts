import type { StorageFinding } from "@holdfast/core";
import { parseExports } from "../access/exports.js";
import type { SharedFsOptions } from "../options.js";
import { linesOf } from "./sections.js";

type Sections = Readonly<Record<string, string>>;

/** Pure: settings of a kernel server on which the promise rests. */
export function judgeKernelServer(sections: Sections, path: string, options: SharedFsOptions): StorageFinding[] {
  const findings: StorageFinding[] = [];
  const leaseMs = Number(linesOf(sections, "nfsv4leasetime")[0] ?? "0") * 1_000;
  findings.push(leaseFinding(leaseMs, options, "[nfsd] lease-time and grace-time in /etc/nfs.conf, then restart nfsd"));
  for (const entry of parseExports(sections.exports ?? "").filter((candidate) => candidate.path === path)) {
    const has = (option: string) => entry.options.includes(option);
    if (has("async")) {
      findings.push({
        code: "EXPORT_ASYNC",
        severity: "error",
        message: `${path} is exported async to ${entry.client}: the server acknowledges what it has not written`,
        fix: "Export it sync (exports(5)).",
      });
    }
    if (has("ro")) {
      findings.push({
        code: "EXPORT_READ_ONLY",
        severity: "error",
        message: `${path} is exported read-only to ${entry.client}`,
        fix: "Export it rw.",
      });
    }
    if (has("root_squash") || has("all_squash")) {
      findings.push({
        code: "ROOT_SQUASH",
        severity: "warning",
        message: `${path} squashes root for ${entry.client}: .holdfast and a start as another user need root`,
        fix: "Export it no_root_squash, or give the directory to the anonymous user.",
      });
    }
    if (/[*?/@]|^[^\d[]/.test(entry.client)) {
      findings.push({
        code: "EXPORT_WIDE",
        severity: "error",
        message: `${path} is exported to ${entry.client}: an agent that is fenced by its address comes in through that`,
        fix: "Take the line out of /etc/exports; Holdfast exports the volume to the agents itself.",
      });
    }
  }
  return findings;
}

/** Pure: the same of ganesha.conf. */
export function judgeGaneshaServer(sections: Sections, file: string, options: SharedFsOptions): StorageFinding[] {
  const findings: StorageFinding[] = [];
  const seconds = /^[^#\n]*\bLease_Lifetime\s*=\s*(\d+)/im.exec(sections.configuration ?? "")?.[1] ?? "60";
  findings.push(leaseFinding(Number(seconds) * 1_000, options, "NFSv4 { Lease_Lifetime = …; Grace_Period = …; }"));
  if (linesOf(sections, "included").length === 0) {
    findings.push({
      code: "NOT_INCLUDED",
      severity: "error",
      message: `ganesha's configuration does not include ${file}: nothing Holdfast writes there counts`,
      fix: `Add: %include "${file}"`,
    });
  }
  return findings;
}

function leaseFinding(leaseMs: number, options: SharedFsOptions, where: string): StorageFinding {
  const within = leaseMs > 0 && leaseMs <= options.lockLeaseMs;
  return {
    code: "LOCK_LEASE",
    severity: within ? "info" : "error",
    message: `the server keeps a dead client's locks for ${leaseMs / 1_000} s; the volume's options say at most ${options.lockLeaseMs / 1_000} s`,
    fix: within ? "Nothing." : `Set ${where}, or raise lockLeaseMs.`,
  };
}
