/** Under which servers remember a volume: `orders-db.data`. */
export function volumeKey({ service, role }: { readonly service: string; readonly role: string }): string {
  return `${service}.${role}`;
}
