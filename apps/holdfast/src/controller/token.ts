import { addToken, type Caller } from "@holdfast/controller";
import { systemClock } from "@holdfast/effects";

export function makeToken(file: string, caller: Caller): Promise<string> {
  return addToken(file, caller, systemClock.wallTime());
}
