// @ts-check

/**
 * Lists every test that did not run, with the reason it gave: a test that is quietly left out looks exactly like
 * one that passed.
 */
export default class SkipReporter {
  /** @param {ReadonlyArray<import("vitest/node").TestModule>} modules */
  onTestRunEnd(modules) {
    const skipped = modules.flatMap((module) =>
      [...module.children.allTests("skipped")].map((test) => {
        const { note } = /** @type {{ note?: string }} */ (test.result());
        return `  ${module.relativeModuleId} > ${test.fullName}: ${note ?? "no reason given"}`;
      }),
    );
    if (skipped.length > 0) process.stdout.write(`\n${skipped.length} not run:\n${skipped.join("\n")}\n`);
  }
}
