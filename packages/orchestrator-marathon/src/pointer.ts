/** One part of a pointer (RFC 6901, section 3). */
export function pointerPart(key: string): string {
  return key.replaceAll("~", "~0").replaceAll("/", "~1");
}
