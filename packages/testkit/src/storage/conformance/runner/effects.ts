import type { Op } from "@holdfast/core";
import type { CrashPoint } from "./protocol.js";
import { CRASHED } from "./protocol.js";

/** Counts what an operation does to the world, and can end it after any of its effects. */
export interface EffectCounter {
  readonly op: Op;
  /** One line per effect that took place, in order. */
  readonly effects: readonly string[];
  readonly crashed: boolean;
}

/**
 * Wraps an `op`. After `crash.afterEffects` effects nothing more takes place: every further one fails, so that no
 * `catch` or `finally` of the strategy can tidy up, as none would in a process that was killed. What only reads is
 * no effect, since an end before it and an end after it leave the same world.
 */
export function countEffects(inner: Op, crash?: CrashPoint): EffectCounter {
  const effects: string[] = [];
  let crashed = false;
  const effect = async <T>(what: string, act: () => Promise<T>): Promise<T> => {
    if (crash !== undefined && effects.length >= crash.afterEffects) {
      crashed = true;
      throw Object.assign(new Error(`The process ended before: ${what}`), { code: CRASHED, hint: "The suite did it." });
    }
    effects.push(what);
    return act();
  };
  const op: Op = {
    ...inner,
    files: {
      ...inner.files,
      replace: (path, data, options) => effect(`replace ${path}`, () => inner.files.replace(path, data, options)),
      makeDirectory: (path, options) => effect(`mkdir ${path}`, () => inner.files.makeDirectory(path, options)),
      remove: (path) => effect(`remove ${path}`, () => inner.files.remove(path)),
    },
    volumes: {
      ...inner.volumes,
      probe: (path, options) => effect(`probe ${path}`, () => inner.volumes.probe(path, options)),
      sync: (path, options) => effect(`sync ${path}`, () => inner.volumes.sync(path, options)),
    },
    exec: (command, args, options) => effect([command, ...args].join(" "), () => inner.exec(command, args, options)),
    daemon: (command, args, options) =>
      effect(`daemon ${[command, ...args].join(" ")}`, () => inner.daemon(command, args, options)),
    control: (target, args, options) => effect(`control ${args.join(" ")}`, () => inner.control(target, args, options)),
  };
  return {
    op,
    effects,
    get crashed() {
      return crashed;
    },
  };
}
