/** IPv4 addresses of one line of mfsexports.cfg(5), both ends included. */
export interface AddressRange {
  readonly from: number;
  readonly to: number;
}

const ALL: AddressRange = { from: 0, to: 0xff_ff_ff_ff };

/** Undefined when it is no IPv4 address. */
export function parseAddress(text: string): number | undefined {
  const parts = text.split(".");
  if (parts.length !== 4) return undefined;
  let value = 0;
  for (const part of parts) {
    if (!/^\d{1,3}$/.test(part) || Number(part) > 255) return undefined;
    value = value * 256 + Number(part);
  }
  return value;
}

function formatAddress(value: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256).join(".");
}

/** `*`, one address, `address/bits`, `address/mask`, `from-to`. Undefined when it is none of them. */
export function parseRange(text: string): AddressRange | undefined {
  if (text === "*") return ALL;
  const [first = "", last, ...rest] = text.split("-");
  if (last !== undefined) {
    const [from, to] = [parseAddress(first), parseAddress(last)];
    return rest.length > 0 || from === undefined || to === undefined || from > to ? undefined : { from, to };
  }
  const [address = "", mask, ...more] = text.split("/");
  const base = parseAddress(address);
  if (base === undefined || more.length > 0) return undefined;
  const size = mask === undefined ? 1 : sizeOf(mask);
  if (size === undefined) return undefined;
  const from = base - (base % size);
  return { from, to: from + size - 1 };
}

function sizeOf(mask: string): number | undefined {
  if (/^\d{1,2}$/.test(mask)) return Number(mask) <= 32 ? 2 ** (32 - Number(mask)) : undefined;
  const value = parseAddress(mask);
  if (value === undefined) return undefined;
  const size = 2 ** 32 - value;
  return Number.isInteger(Math.log2(size)) ? size : undefined;
}

/** What is left of a range without those addresses, in order. */
export function without(range: AddressRange, addresses: readonly number[]): AddressRange[] {
  let left = [range];
  for (const address of addresses) {
    left = left.flatMap(({ from, to }) => {
      if (address < from || address > to) return [{ from, to }];
      return [
        { from, to: address - 1 },
        { from: address + 1, to },
      ].filter((part) => part.from <= part.to);
    });
  }
  return left;
}

export function formatRange({ from, to }: AddressRange): string {
  return from === to ? formatAddress(from) : `${formatAddress(from)}-${formatAddress(to)}`;
}
