import * as z from "zod";

const port = z.int().min(0).max(65_535);
const seconds = z.int().min(0);

export const healthCheckSchema = z.strictObject({
  protocol: z.enum(["HTTP", "HTTPS", "TCP", "COMMAND", "MESOS_TCP", "MESOS_HTTP", "MESOS_HTTPS"]).optional(),
  command: z.strictObject({ value: z.string() }).optional(),
  path: z.string().optional(),
  port: port.optional(),
  portIndex: port.optional(),
  ipProtocol: z.enum(["IPv4", "IPv6"]).optional(),
  ignoreHttp1xx: z.boolean().optional(),
  gracePeriodSeconds: seconds.optional(),
  intervalSeconds: seconds.optional(),
  timeoutSeconds: z.int().optional(),
  delaySeconds: seconds.optional(),
  maxConsecutiveFailures: z.int().min(0).optional(),
});

const scheme = z.enum(["HTTP", "HTTPS"]);

/** Reports and never kills. */
export const checkSchema = z.strictObject({
  http: z
    .strictObject({
      portIndex: port.optional(),
      port: port.optional(),
      path: z.string().min(1).max(1_024).optional(),
      scheme: scheme.optional(),
    })
    .optional(),
  tcp: z.strictObject({ portIndex: port.optional(), port: port.optional() }).optional(),
  exec: z
    .strictObject({
      command: z.union([z.strictObject({ shell: z.string() }), z.strictObject({ argv: z.array(z.string()) })]),
    })
    .optional(),
  intervalSeconds: seconds.optional(),
  timeoutSeconds: seconds.optional(),
  delaySeconds: seconds.optional(),
});

export const readinessCheckSchema = z.strictObject({
  name: z.string().min(1).optional(),
  protocol: scheme.optional(),
  path: z.string().min(1).max(1_024).optional(),
  portName: z.string().min(1).optional(),
  intervalSeconds: seconds.optional(),
  timeoutSeconds: z.int().min(1).optional(),
  httpStatusCodesForReady: z.array(z.int().min(100).max(999)).min(1).optional(),
  preserveLastResponse: z.boolean().optional(),
});
