import { expect, test } from "vitest";
import { parseRunArguments } from "./parse.js";
import { resolveStorage } from "./resolve-storage.js";

// What is wrong is said before any process is started.
test.each([
  [["-f", "s.yaml", "--strategy", "nbd"], /--strategy and -f/],
  [["-f", "s.yaml", "--volume", "/srv/x"], /--volume and -f/],
  [["-f", "s.yaml", "--strategy-options", "o.yaml"], /--strategy-options and -f/],
  [["-f", "s.yaml", "--plugin", "x@1.0.0"], /--plugin and -f/],
  [["-f", "s.yaml", "--format"], /--format needs --initialise/],
  [["--format"], /--format needs/],
  [["--plugin-dir", "/p"], /--plugin-dir needs --strategy or -f/],
  [["--strategy", "nbd"], /--strategy needs --service/],
  [["--strategy", "nbd", "--service", "x"], /--strategy needs --volume/],
  [["--strategy", "nbd", "--service", "x", "--volume", "/x", "--plugin", "x"], /names no version/],
])("%j is refused", async (argv, message) => {
  await expect(resolveStorage(parseRunArguments(argv), {})).rejects.toMatchObject({
    code: "USAGE",
    message: expect.stringMatching(message),
  });
});

test("without a strategy there is nothing to resolve", async () => {
  expect(await resolveStorage(parseRunArguments(["--volume", "/srv/x"]), {})).toBeNull();
});
