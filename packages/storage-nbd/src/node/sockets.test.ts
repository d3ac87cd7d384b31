import { expect, test } from "vitest";
import { parseSs } from "./sockets.js";

test("what ss shows, without what only waits for stray packets", () => {
  const text = `FIN-WAIT-1 0      524328  10.83.1.2:39204 10.83.1.1:10809
TIME-WAIT  0      0       10.83.1.2:39206 10.83.1.1:10809
ESTAB      0      0       10.83.1.2:39208 10.83.1.1:10809
`;
  expect(parseSs(text)).toEqual([
    "FIN-WAIT-1 10.83.1.2:39204 10.83.1.1:10809 (524328 bytes unsent)",
    "ESTAB 10.83.1.2:39208 10.83.1.1:10809 (0 bytes unsent)",
  ]);
  expect(parseSs("")).toEqual([]);
});
