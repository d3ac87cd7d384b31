import { type Document, isMap, isNode, isPair, isScalar, isSeq, type LineCounter, type Node, type Pair } from "yaml";

export interface Place {
  readonly line: number;
  readonly column: number;
}

/**
 * Where a key is written; for one that is not there, where the nearest thing around it begins.
 * @param atKey - the place of the last key itself, not of its value.
 */
export function locate(
  document: Document.Parsed,
  lines: LineCounter,
  keys: readonly PropertyKey[],
  atKey: boolean,
): Place {
  let node: Node | null = document.contents;
  let offset = startOf(node) ?? 0;
  for (const [index, key] of keys.entries()) {
    const last = index === keys.length - 1;
    const found = child(node, key);
    if (found === undefined) break;
    const keyOffset = isPair(found) ? startOf(found.key) : undefined;
    const value: unknown = isPair(found) ? found.value : found;
    node = isNode(value) ? value : null;
    offset = (last && !atKey && isScalar(node) ? startOf(node) : undefined) ?? keyOffset ?? startOf(node) ?? offset;
  }
  const { line, col } = lines.linePos(offset);
  return { line: Math.max(1, line), column: Math.max(1, col) };
}

function child(node: Node | null, key: PropertyKey): Pair | Node | undefined {
  if (isMap(node)) return node.items.find((pair) => isScalar(pair.key) && String(pair.key.value) === String(key));
  if (isSeq(node)) {
    const item = node.items[Number(key)];
    return isNode(item) ? item : undefined;
  }
  return undefined;
}

function startOf(node: unknown): number | undefined {
  return isNode(node) ? (node.range?.[0] ?? undefined) : undefined;
}
