import * as z from "zod";
import { DEFAULT_LEASE_TIMING, timeBudget } from "./budget.js";
import { gradeSchema } from "./grade.js";
import { secretReferenceSchema } from "./http-service.js";
import { serviceNameSchema } from "./ids.js";
import { pluginReferenceSchema } from "./plugin.js";

export const exclusivitySchema = z
  .strictObject({
    leaseMs: z
      .int()
      .min(2_000)
      .default(DEFAULT_LEASE_TIMING.leaseMs)
      .describe("How long a grant lasts without renewal."),
    renewMs: z
      .int()
      .min(50)
      .default(DEFAULT_LEASE_TIMING.renewMs)
      .describe("Time between renewals; at most a quarter of the lease."),
    stopBudgetMs: z
      .int()
      .min(0)
      .default(DEFAULT_LEASE_TIMING.stopBudgetMs)
      .describe("From the stop signal to the last process gone."),
    marginMs: z
      .int()
      .min(250)
      .default(DEFAULT_LEASE_TIMING.marginMs)
      .describe("Reserve for kill, cut and clock rate error."),
    guardMs: z
      .int()
      .min(100)
      .default(DEFAULT_LEASE_TIMING.guardMs)
      .describe("What a candidate waits beyond the lease."),
    minimumGrade: gradeSchema.default("lease-only").describe("Refuse to run with a weaker promise than this."),
    onStoreLoss: z
      .enum(["stop", "keep"])
      .default("stop")
      .describe("`keep` only where something else than the store keeps others out."),
    attachTimeoutMs: z
      .int()
      .min(1_000)
      .default(300_000)
      .describe("Longest wait for attach and fence after the lease was won."),
    controllerSide: z.enum(["inline", "controller"]).default("inline").describe("Who attaches and fences."),
  })
  .check((context) => {
    for (const problem of timeBudget(context.value).problems) {
      context.issues.push({ code: "custom", message: problem, input: context.value, path: ["leaseMs"] });
    }
  });
export type Exclusivity = z.output<typeof exclusivitySchema>;

const storageSchema = z.strictObject({
  role: z.string().min(1).default("data").describe("What the engine keeps there: data, log, …"),
  strategy: z.string().min(1),
  mountPath: z.string().startsWith("/").describe("The same on every agent."),
  diskMiB: z.int().positive().optional(),
  options: z.record(z.string(), z.json()).default({}),
});

const retentionSchema = z.strictObject({
  last: z.int().min(0).optional(),
  hourly: z.int().min(0).optional(),
  daily: z.int().min(0).optional(),
  weekly: z.int().min(0).optional(),
  monthly: z.int().min(0).optional(),
  yearly: z.int().min(0).optional(),
});

const backupSchema = z.strictObject({
  name: z.string().min(1),
  level: z.enum(["disk", "snapshot", "physical", "logical", "archive"]),
  schedule: z.string().min(1).describe("Cron expression."),
  timeZone: z.string().default("UTC"),
  repository: z.string().min(1),
  keep: retentionSchema,
  timeoutMinutes: z.int().positive().default(360),
  drill: z.enum(["daily", "weekly", "monthly", "never"]).default("never"),
});

export const serviceSchema = z.strictObject({
  apiVersion: z.literal("holdfast/v1"),
  kind: z.literal("Service"),
  metadata: z.strictObject({ name: serviceNameSchema, labels: z.record(z.string(), z.string()).default({}) }),
  spec: z
    .strictObject({
      engine: z.union([
        z.strictObject({
          type: z.literal("process"),
          command: z.tuple([z.string()], z.string()),
          options: z.record(z.string(), z.json()).default({}),
        }),
        z.strictObject({
          type: z.string().min(1),
          version: z.string().min(1),
          options: z.record(z.string(), z.json()).default({}),
          secrets: z.record(z.string(), secretReferenceSchema).default({}),
        }),
      ]),
      storage: z.array(storageSchema).min(1),
      exclusivity: exclusivitySchema.prefault({}),
      resources: z.strictObject({
        cpus: z.number().positive(),
        memMiB: z.int().positive(),
        iops: z.strictObject({ read: z.int().positive().optional(), write: z.int().positive().optional() }).optional(),
        network: z.strictObject({ egressMbit: z.number().positive() }).optional(),
      }),
      standby: z
        .enum(["none", "warm"])
        .default("none")
        .describe("`warm`: a second task waits for the lease on another agent; it reserves the resources twice."),
      backup: z.array(backupSchema).default([]),
      restore: z
        .strictObject({
          onEmptyVolume: z.enum(["never", "latest-verified"]).default("never"),
          maxLossMinutes: z.int().positive().optional(),
        })
        .prefault({}),
      discovery: z.strictObject({ port: z.int().min(1).max(65_535) }).optional(),
      alerts: z.strictObject({ backupAgeHours: z.number().positive().optional() }).prefault({}),
      plugins: z.array(pluginReferenceSchema).default([]),
    })
    .check((context) => {
      const seen = new Map<string, number>();
      const roles = new Map<string, number>();
      for (const [index, storage] of context.value.storage.entries()) {
        const first = seen.get(storage.mountPath);
        if (first !== undefined) {
          context.issues.push({
            code: "custom",
            message: `${storage.mountPath} is the mount path of storage entry ${first} too; each volume has its own mount`,
            input: storage.mountPath,
            path: ["storage", index, "mountPath"],
          });
        }
        seen.set(storage.mountPath, index);
        const sameRole = roles.get(storage.role);
        if (sameRole !== undefined) {
          context.issues.push({
            code: "custom",
            message: `${storage.role} is the role of storage entry ${sameRole} too; records and contexts go by it`,
            input: storage.role,
            path: ["storage", index, "role"],
          });
        }
        roles.set(storage.role, index);
      }
    }),
});
/** A service file after defaults. */
export type Service = z.output<typeof serviceSchema>;
