import { operationKindSchema, serviceNameSchema } from "@holdfast/core";
import * as z from "zod";

/** Longest pause: one that is forgotten must end. */
const PAUSE_MS_MAX = 7 * 24 * 3_600_000;

export const serviceParams = z.strictObject({ service: serviceNameSchema.describe("Name of the service.") });

/** A service as its file has it, as JSON. Its own schema says what is wrong with it. */
const serviceBody = z.record(z.string(), z.json()).describe("The service file, as JSON.");

export const planBody = z.strictObject({ service: serviceBody });
export const applyBody = z.strictObject({
  service: serviceBody,
  planHash: z.string().min(1).max(64).describe("`hash` of the plan that was agreed to."),
});
export const destroyBody = z.strictObject({
  confirm: z.string().min(1).max(200).describe("`confirm` of the plan of this destroy."),
});
export const pauseBody = z.strictObject({
  reason: z.string().min(1).max(300).describe("Why, for whoever wonders."),
  forMs: z.int().min(1_000).max(PAUSE_MS_MAX).describe("It ends by itself after so many milliseconds."),
});
export const acknowledgeBody = z.strictObject({ note: z.string().max(300).default("") });
export const handOverBody = z.strictObject({
  to: z.string().min(1).max(255).nullable().default(null).describe("Agent where it should run next; a wish."),
  reason: z.string().max(300).default("asked for by an operator"),
  dryRun: z.boolean().default(false).describe("Say what would be done, and do nothing."),
});
export const failoverBody = handOverBody.extend({
  now: z.boolean().default(false).describe("Do not wait for the holder: fence it at once."),
  confirm: z.boolean().default(false).describe("The holder may be cut off in the middle of its work."),
});
export const pageQuery = z.strictObject({
  after: z.string().max(63).default("").describe("Name to go on after."),
  limit: z.coerce.number().int().min(1).max(500).default(100),
});

const instant = z.string().describe("ISO 8601, for people.");
const epoch = z.string().describe("Decimal number.");
const failure = z.looseObject({ code: z.string(), message: z.string(), hint: z.string() });

const holder = z
  .strictObject({ epoch, agent: z.string(), run: z.string(), since: instant, state: z.string() })
  .nullable();
const pause = z
  .looseObject({ owner: z.string(), reason: z.string(), since: instant, until: instant })
  .nullable()
  .describe("The pause that holds for it, its own or that of all.");
const step = z.looseObject({ verb: z.string(), state: z.string(), at: instant, note: z.string().optional() });
const operation = z.looseObject({
  ...{ id: z.string(), kind: operationKindSchema, by: z.string(), reason: z.string(), at: instant },
  ...{ automatic: z.boolean(), state: z.string(), steps: z.array(step) },
});
const pastOperation = z.looseObject({
  ...{ id: z.string(), kind: operationKindSchema, by: z.string(), reason: z.string(), at: instant, endedAt: instant },
  ...{ automatic: z.boolean(), state: z.string(), failure: failure.optional(), note: z.string().optional() },
});
const task = z.strictObject({
  ...{ id: z.string(), agent: z.string(), run: z.string().nullable(), state: z.string(), since: instant },
  exitCode: z.int().nullable(),
});

export const statusAnswer = z.strictObject({
  service: z.string(),
  generation: z.int().describe("Grows with every change of the catalogue."),
  desired: z.enum(["running", "destroyed"]),
  state: z.string().describe("`settled`, `waiting`, or the kind of what is under way or next."),
  why: z.string(),
  code: z.string().nullable().describe("Why nothing is done, for programs."),
  holder,
  tasks: z.array(task).describe("What the orchestrator believes; no proof that anything is over."),
  operation: operation.nullable(),
  pause,
  applied: z.looseObject({ generation: z.int(), digest: z.string(), at: instant }).nullable(),
});
export const pageAnswer = z.strictObject({
  services: z.array(statusAnswer),
  next: z.string().nullable().describe("Give it as `after`; null = this is the end."),
});
const grade = z.looseObject({ grade: z.string(), meaning: z.string(), why: z.string(), meetsMinimum: z.boolean() });
const budget = z.looseObject({ takeoverMsMax: z.number(), slackMs: z.number(), problems: z.array(z.string()) });
export const explainAnswer = statusAnswer.extend({
  because: z.array(z.string()).describe("What a person should know, the most important first."),
  actions: z.array(z.string()).describe("What a person can do; empty = nothing needs doing."),
  volumes: z.array(z.strictObject({ role: z.string(), strategy: z.string(), mountPath: z.string() })),
  grade: grade.nullable(),
  budget: budget.nullable(),
  candidates: z.array(z.looseObject({ agent: z.string(), run: z.string(), since: instant })),
  past: z.array(pastOperation),
});
export const historyAnswer = z.strictObject({
  service: z.string(),
  runs: z.array(z.looseObject({ at: instant, kind: z.string(), epoch, run: z.string(), agent: z.string() })),
  operations: z.array(pastOperation),
});
const finding = z.strictObject({
  ...{
    code: z.string(),
    severity: z.enum(["error", "warning"]),
    pointer: z.string(),
    why: z.string(),
    fix: z.string(),
  },
});
const change = z.strictObject({ pointer: z.string(), before: z.string().optional(), after: z.string().optional() });
export const planAnswer = z.strictObject({
  service: z.string(),
  action: z.enum(["create", "update", "destroy", "none"]),
  generation: z.int(),
  effect: z
    .strictObject({ effect: z.string(), why: z.string(), changes: z.array(change) })
    .nullable()
    .describe("What it does at the orchestrator; `restart` stops and starts the database."),
  reconcile: z.looseObject({ kind: z.string() }).describe("What the controller would do next."),
  holder: z.strictObject({ epoch, agent: z.string(), state: z.string() }).nullable(),
  unreachable: z.array(z.string()),
  hash: z.string().describe("Give it with the apply; it is refused when the world moved."),
  confirm: z.string().nullable().describe("Confirms a destroy, for this plan only."),
  grade: grade.nullable(),
  budget: budget.nullable(),
  definition: z.record(z.string(), z.json()).nullable(),
  reasons: z.record(z.string(), z.string()),
  warnings: z.array(z.string()),
  findings: z.array(finding),
  keeps: z.array(z.string()).describe("What a destroy leaves where it is."),
});
export const catalogueAnswer = z.looseObject({
  ...{ service: z.string(), generation: z.int(), desired: z.string(), by: z.string(), at: instant },
  planHash: z.string(),
});
export const handOverAnswer = z.union([
  z.strictObject({
    operation: z.string().describe("Its id, in `explain` and `history`."),
    warnings: z.array(z.string()),
  }),
  z.looseObject({ kind: z.string(), steps: z.array(z.string()), fences: z.boolean(), warnings: z.array(z.string()) }),
]);
export const pauseAnswer = z.strictObject({ before: pause.describe("What it takes the place of.") });
export const doneAnswer = z.strictObject({ done: z.literal(true) });
export const auditAnswer = z.strictObject({
  entries: z.array(
    z.looseObject({
      ...{ id: z.string(), at: instant, who: z.string(), role: z.string(), action: z.string() },
      ...{ service: z.string().nullable(), detail: z.string() },
      outcome: z.string().describe("`done`, an error code, or `asked`: it was cut short."),
    }),
  ),
});
export const controllerAnswer = z.strictObject({
  version: z.string(),
  orchestrator: z.string(),
  store: z.string(),
  storeState: z.string(),
  leads: z.boolean().describe("This process is the leader."),
  leader: z.looseObject({ epoch, by: z.string(), url: z.string().nullable(), since: instant }).nullable(),
  pause,
});
export const errorAnswerSchema = z.strictObject({
  error: z.strictObject({
    code: z.string().describe("One of the error codes; never changes its meaning."),
    message: z.string(),
    hint: z.string(),
    retryable: z.boolean(),
    detail: z.record(z.string(), z.unknown()),
  }),
});
