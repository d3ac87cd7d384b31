import * as z from "zod";

/** What these commands read of the controller's answers; whatever else is there is passed on to `--json`. */
const past = z.looseObject({
  ...{ id: z.string(), kind: z.string(), by: z.string(), reason: z.string(), at: z.string(), endedAt: z.string() },
  ...{ automatic: z.boolean(), state: z.string(), note: z.string().optional() },
  failure: z.looseObject({ code: z.string(), message: z.string(), hint: z.string() }).optional(),
});
export const statusSchema = z.looseObject({
  ...{ service: z.string(), generation: z.number(), state: z.string(), why: z.string(), code: z.string().nullable() },
  holder: z.looseObject({ epoch: z.string(), agent: z.string(), state: z.string(), since: z.string() }).nullable(),
  tasks: z.array(z.looseObject({ id: z.string(), agent: z.string(), state: z.string() })),
  operation: z
    .looseObject({
      ...{ id: z.string(), kind: z.string(), by: z.string() },
      steps: z.array(z.looseObject({ verb: z.string(), state: z.string(), note: z.string().optional() })),
    })
    .nullable(),
  pause: z.looseObject({ owner: z.string(), reason: z.string(), until: z.string() }).nullable(),
});
export type Status = z.output<typeof statusSchema>;
export const pageSchema = z.looseObject({ services: z.array(statusSchema), next: z.string().nullable() });
export const explainSchema = statusSchema.extend({
  because: z.array(z.string()),
  actions: z.array(z.string()),
  volumes: z.array(z.looseObject({ role: z.string(), strategy: z.string(), mountPath: z.string() })),
  grade: z.looseObject({ grade: z.string(), meaning: z.string() }).nullable(),
  budget: z.looseObject({ takeoverMsMax: z.number() }).nullable(),
  candidates: z.array(z.looseObject({ agent: z.string(), since: z.string() })),
  past: z.array(past),
});
export type Explained = z.output<typeof explainSchema>;
export const historySchema = z.looseObject({
  runs: z.array(
    z.looseObject({
      at: z.string(),
      kind: z.string(),
      epoch: z.string(),
      agent: z.string(),
      note: z.string().optional(),
    }),
  ),
  operations: z.array(past),
});
export type History = z.output<typeof historySchema>;
export const planSchema = z.looseObject({
  ...{ service: z.string(), action: z.string(), generation: z.number(), hash: z.string() },
  effect: z
    .looseObject({
      ...{ effect: z.string(), why: z.string() },
      changes: z.array(
        z.looseObject({ pointer: z.string(), before: z.string().optional(), after: z.string().optional() }),
      ),
    })
    .nullable(),
  reconcile: z.looseObject({
    ...{ kind: z.string(), why: z.string().optional(), next: z.string().optional() },
    steps: z.array(z.string()).optional(),
  }),
  holder: z.looseObject({ epoch: z.string(), agent: z.string(), state: z.string() }).nullable(),
  confirm: z.string().nullable(),
  grade: z.looseObject({ grade: z.string(), meaning: z.string(), meetsMinimum: z.boolean() }).nullable(),
  budget: z.looseObject({ takeoverMsMax: z.number(), problems: z.array(z.string()) }).nullable(),
  warnings: z.array(z.string()),
  findings: z.array(z.looseObject({ code: z.string(), pointer: z.string(), why: z.string(), fix: z.string() })),
  keeps: z.array(z.string()),
});
export type Plan = z.output<typeof planSchema>;
export const catalogueSchema = z.looseObject({ service: z.string(), generation: z.number() });
export const pauseSchema = z.looseObject({
  before: z.looseObject({ owner: z.string(), until: z.string() }).nullable(),
});
export const askedSchema = z.looseObject({ operation: z.string(), warnings: z.array(z.string()) });
export const handOverPlanSchema = z.looseObject({
  ...{ kind: z.string(), steps: z.array(z.string()), warnings: z.array(z.string()) },
  lease: z.looseObject({ epoch: z.string(), agent: z.string() }),
});
export const doneSchema = z.looseObject({ done: z.literal(true) });
