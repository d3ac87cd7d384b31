/** Collects a definition together with the reason for each field, so that one cannot be added without the other. */
export class ReasonedFields {
  readonly definition: Record<string, unknown> = {};
  readonly reasons: Record<string, string> = {};

  /** @param inner - reasons of the members of an object or a list, by what follows the field in their pointers. */
  set(field: string, value: unknown, why: string, inner: Readonly<Record<string, string>> = {}): void {
    this.definition[field] = value;
    this.reasons[`/${field}`] = why;
    for (const [pointer, reason] of Object.entries(inner)) this.reasons[`/${field}/${pointer}`] = reason;
  }
}
