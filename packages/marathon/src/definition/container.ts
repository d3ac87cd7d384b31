import * as z from "zod";

const port = z.int().min(0).max(65_535);
const labels = z.record(z.string(), z.string());
const mode = z.enum(["RO", "RW"]);
const containerPath = z.string().min(1);

/** A container, network or check is as in `types/*.raml` of Marathon 1.10; what is deprecated there is not here. */
const portMappingSchema = z.strictObject({
  containerPort: port.optional(),
  hostPort: port.optional(),
  servicePort: port.optional(),
  protocol: z.enum(["tcp", "udp", "udp,tcp"]).optional(),
  name: z.string().min(1).optional(),
  labels: labels.optional(),
  networkNames: z.array(z.string()).optional(),
});

const persistentVolumeSchema = z.strictObject({
  containerPath,
  mode,
  persistent: z.strictObject({
    type: z.enum(["root", "path", "mount"]).optional(),
    size: z.int().min(0).describe("MiB"),
    maxSize: z.int().min(0).optional(),
    profileName: z.string().optional(),
    constraints: z.array(z.array(z.string()).min(2).max(3)).optional(),
  }),
});

const csiOptionsSchema = z.strictObject({
  pluginName: z.string().min(1),
  capability: z.strictObject({
    accessMode: z.enum([
      "SINGLE_NODE_WRITER",
      "SINGLE_NODE_READER_ONLY",
      "MULTI_NODE_READER_ONLY",
      "MULTI_NODE_SINGLE_WRITER",
      "MULTI_NODE_MULTI_WRITER",
    ]),
    accessType: z.enum(["block", "mount"]),
    fsType: z.string().optional(),
    mountFlags: z.array(z.string()).optional(),
  }),
  nodeStageSecret: labels.optional(),
  nodePublishSecret: labels.optional(),
  volumeContext: labels.optional(),
});

const externalVolumeSchema = z.strictObject({
  containerPath,
  mode,
  external: z.union([
    z.strictObject({ provider: z.literal("csi"), name: z.string(), options: csiOptionsSchema }),
    z.strictObject({
      provider: z.string().optional(),
      name: z.string().optional(),
      size: z.int().min(0).optional(),
      options: labels.optional(),
      shared: z.boolean().optional(),
    }),
  ]),
});

const volumeSchema = z.union([
  persistentVolumeSchema,
  externalVolumeSchema,
  z.strictObject({ containerPath, secret: z.string().min(1) }),
  z.strictObject({ containerPath, hostPath: z.string().min(1), mode }),
]);

const dockerSchema = z.strictObject({
  image: z.string().min(1),
  forcePullImage: z.boolean().optional(),
  privileged: z.boolean().optional(),
  parameters: z.array(z.strictObject({ key: z.string().min(1), value: z.string() })).optional(),
  pullConfig: z.strictObject({ secret: z.string().min(1) }).optional(),
  credential: z.strictObject({ principal: z.string(), secret: z.string().optional() }).optional(),
});

const linuxInfoSchema = z.strictObject({
  seccomp: z.strictObject({ profileName: z.string().optional(), unconfined: z.boolean() }).optional(),
  ipcInfo: z.strictObject({ mode: z.enum(["PRIVATE", "SHARE_PARENT"]), shmSize: z.number().optional() }).optional(),
});

export const containerSchema = z.strictObject({
  type: z.enum(["MESOS", "DOCKER"]),
  docker: dockerSchema.optional(),
  linuxInfo: linuxInfoSchema.optional(),
  volumes: z.array(volumeSchema).optional(),
  portMappings: z.array(portMappingSchema).optional(),
});

export const networkSchema = z.strictObject({
  mode: z.enum(["container", "container/bridge", "host"]).optional(),
  name: z.string().min(1).optional(),
  labels: labels.optional(),
});

export const portDefinitionSchema = z.strictObject({
  port: port.optional(),
  protocol: z.enum(["tcp", "udp", "udp,tcp"]).optional(),
  name: z.string().min(1).optional(),
  labels: labels.optional(),
});
