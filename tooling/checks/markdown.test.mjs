// @ts-check
import { expect, test } from "vitest";
import { anchors, codeBlocks, links } from "./markdown.mjs";

const F = "```";

test("a fenced block has a language, flags, text, and the line where it begins", () => {
  expect(codeBlocks(`# A\n\n${F}sh test\necho 1\n${F}\n\n${F}\nplain\n${F}\n`)).toEqual([
    { language: "sh", flags: ["test"], text: "echo 1\n", line: 4 },
    { language: "", flags: [], text: "plain\n", line: 8 },
  ]);
});

test("a block ends only at a fence as long as its own, and loses its indent", () => {
  const [block] = codeBlocks(`  ${F}${F}md\n  ${F}sh\n  x\n  ${F}\n  ${F}${F}\n`);
  expect(block?.text).toBe(`${F}sh\nx\n${F}\n`);
});

test("links are found in prose, as definitions and as HTML", () => {
  const text =
    '[a](b.md)\n![i](i.png "title")\n[x]: y.md\n<img src="z.svg" width="3">\n[with [brackets] and `code`](c.md#d)\n';
  expect(links(text)).toEqual(
    expect.arrayContaining([
      { target: "b.md", line: 1 },
      { target: "i.png", line: 2 },
      { target: "y.md", line: 3 },
      { target: "z.svg", line: 4 },
    ]),
  );
});

test("what is written as code is not a link", () => {
  expect(links(`${F}md\n[a](b.md)\n${F}\nand \`[c](d.md)\`\n`)).toEqual([]);
});

test("anchors are those of GitHub, numbered when a heading repeats", () => {
  const text =
    '# The `run` command!\n## Übung 2: a–b\n## Again\n## Again\n<a id="own"></a>\n```sh\n# not a heading\n```\n';
  expect([...anchors(text)].sort()).toEqual(["again", "again-1", "own", "the-run-command", "übung-2-ab"]);
});
