import { expect, test } from "vitest";
import { holderIn } from "./claim.js";

const LOCKS = `1: FLOCK  ADVISORY  WRITE 4711 fe:00:123 0 EOF
1: -> FLOCK  ADVISORY  WRITE 4712 fe:00:124 0 EOF
2: OFDLCK ADVISORY  WRITE -1 fe:00:125 0 EOF
3: POSIX  ADVISORY  READ 99 00:1f:126 1073741826 1073742335
4: FLOCK  ADVISORY  WRITE 5 08:1234:127 0 EOF
`;
const VDA = 0xfe00n;

test("finds the process that holds the lock", () => {
  expect(holderIn(LOCKS, VDA, "123")).toEqual({ pid: 4711 });
  expect(holderIn(LOCKS, 0x1fn, "126")).toEqual({ pid: 99 });
});

test("knows no process of an open-file-description lock", () => {
  expect(holderIn(LOCKS, VDA, "125")).toEqual({ pid: null });
});

test("splits large device numbers as the kernel does", () => {
  expect(holderIn(LOCKS, 0x1200834n, "127")).toEqual({ pid: 5 });
});

test("takes neither one that waits, nor another file's, nor another device's", () => {
  for (const [device, inode] of [
    [VDA, "124"],
    [VDA, "12"],
    [0xfe01n, "123"],
  ] as const) {
    expect(holderIn(LOCKS, device, inode)).toBeNull();
  }
});
