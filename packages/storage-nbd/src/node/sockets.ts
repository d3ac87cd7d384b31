/** Of `ss -Htna`: `STATE RECV-Q SEND-Q LOCAL PEER`, without what only waits for stray packets. */
export function parseSs(text: string): string[] {
  return text.split("\n").flatMap((line) => {
    const [state, , sendQueue, local, peer] = line.trim().split(/\s+/);
    if (state === undefined || peer === undefined || state === "TIME-WAIT") return [];
    return [`${state} ${local} ${peer} (${sendQueue} bytes unsent)`];
  });
}
