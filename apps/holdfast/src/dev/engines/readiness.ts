import type { EngineContext, Op, Readiness } from "@holdfast/core";
import type { DemoEngine } from "./types.js";

/** Ready = a client can connect and the server names its epoch. */
export async function readinessByConnecting(
  connect: DemoEngine["connect"],
  op: Op,
  context: EngineContext,
): Promise<Readiness> {
  const target = { bind: context.bind, port: context.port, runDir: context.sandboxDir };
  try {
    const session = await connect(target, op.signal);
    session.close();
    return { kind: "ready" };
  } catch (error) {
    return { kind: "starting", detail: error instanceof Error ? error.message : String(error), progress: null };
  }
}
