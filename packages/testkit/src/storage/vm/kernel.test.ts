import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { makeOnce } from "./kernel.js";

test("of several that want the same at once, one makes it; a failure leaves nothing, and is tried again", async () => {
  const cache = mkdtempSync(join(tmpdir(), "hf-once-"));
  try {
    let made = 0;
    const wanted = join(cache, "image");
    const make = async (draft: string) => {
      made += 1;
      await new Promise((resolve) => setImmediate(resolve));
      writeFileSync(join(draft, "file"), "x", { flag: "wx" });
    };
    const refuse = async () => Promise.reject(new Error("no space"));
    await expect(makeOnce(wanted, refuse)).rejects.toThrow("no space");
    expect(readdirSync(cache)).toEqual([]);
    await Promise.all([makeOnce(wanted, make), makeOnce(wanted, make), makeOnce(wanted, make)]);
    expect(made).toBe(1);
    expect(existsSync(join(wanted, "file"))).toBe(true);
    expect(readdirSync(cache)).toEqual(["image"]);
  } finally {
    rmSync(cache, { recursive: true });
  }
});
