const LINE_CHARACTERS_MAX = 1024 * 1024;

/** Splits a text stream into lines without their newline. A line above 1 MiB is dropped whole. */
export function createLineSplitter(onLine: (line: string) => void): (chunk: string) => void {
  let rest = "";
  let skipping = false;
  return (chunk) => {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) {
      if (skipping) skipping = false;
      else onLine(line);
    }
    if (rest.length > LINE_CHARACTERS_MAX) {
      skipping = true;
      rest = "";
    }
  };
}
