import type { MesosFlags } from "@holdfast/mesos";
import * as z from "zod";

export type Permission = {
  readonly kind: "permitted" | "denied" | "unknown";
  readonly why: string;
};

const entity = z.looseObject({ type: z.string().optional(), values: z.array(z.string()).optional() });
const rules = z.array(z.looseObject({ principals: entity, roles: entity.optional() })).optional();
const aclsSchema = z.looseObject({
  permissive: z.boolean().default(true),
  reserve_resources: rules,
  create_volumes: rules,
});

/**
 * Pure: what the master's `--acls` say, as the local authoriser reads them: the first rule that names both principal and
 * role decides, else `permissive` (authorization.md). Rules in a file, or another authoriser, cannot be seen from outside.
 */
export function permission(
  flags: MesosFlags | null,
  action: "reserve_resources" | "create_volumes",
  subject: { readonly principal: string | undefined; readonly role: string },
): Permission {
  if (flags === null) return { kind: "unknown", why: "the master's flags could not be read" };
  const authorizers = flags.authorizers ?? "local";
  if (authorizers !== "local") return { kind: "unknown", why: `the authoriser ${authorizers} decides` };
  const text = flags.acls;
  if (text === undefined || text === "") return { kind: "permitted", why: "the master has no --acls" };
  const acls = parse(text);
  if (acls === undefined) return { kind: "unknown", why: "--acls are in a file of the master, or cannot be read" };
  const rule = (acls[action] ?? []).find(
    ({ principals, roles }) =>
      names(principals, subject.principal ?? "", principals.type) &&
      (roles === undefined || names(roles, subject.role, roles.type)),
  );
  if (rule === undefined) {
    return acls.permissive
      ? { kind: "permitted", why: "no rule names it, and permissive is true" }
      : { kind: "denied", why: "no rule names it, and permissive is false" };
  }
  // NONE matches everybody and permits nobody.
  return rule.roles?.type === "NONE" || rule.principals.type === "NONE"
    ? { kind: "denied", why: `a rule of ${action} says NONE` }
    : { kind: "permitted", why: `a rule of ${action} names it` };
}

function names({ values = [] }: z.output<typeof entity>, wanted: string, type = "SOME"): boolean {
  if (type === "ANY" || type === "NONE") return true;
  // `eng/%` names everything below `eng`.
  return values.some((value) => (value.endsWith("/%") ? wanted.startsWith(value.slice(0, -1)) : value === wanted));
}

function parse(text: string): z.output<typeof aclsSchema> | undefined {
  try {
    const parsed = aclsSchema.safeParse(JSON.parse(text));
    return parsed.success ? parsed.data : undefined;
  } catch {
    return undefined;
  }
}
