import { GRADE_MEANINGS, type Grade, type StorageFinding } from "@holdfast/core";
import type { DoctorReport } from "./observation.js";
import type { StrategyReport } from "./service.js";

const LABEL = 10;
const line = (label: string, text: string) => `  ${label.padEnd(LABEL)}${text}`;

export function pathLines(report: DoctorReport): string[] {
  const { mount, mark, last, usage } = report;
  return [
    `${report.path}: ${report.verdict}, ${report.why}`,
    ...(mount === null
      ? []
      : [
          line(
            "what",
            `${mount.fsType} on ${mount.source}, mounted at ${mount.mountPoint} (${mount.options.join(",")})`,
          ),
        ]),
    ...(report.device === null ? [] : [line("device", report.device)]),
    ...(usage === null ? [] : [line("space", spaceText(usage))]),
    ...(mark === null
      ? []
      : [line("marked", `${mark.role} volume of ${mark.service}, ${mark.volumeId}, layout ${mark.layout}`)]),
    ...(last === null ? [] : [line("last run", `epoch ${last.epoch} on ${last.agent}, lease ${last.leaseMs} ms`)]),
    ...gradeLines(report.grade),
    ...(report.strategy === null ? [] : [line("strategy", `${report.strategy} is made for this`)]),
    ...findingLines(report.findings),
  ];
}

export function strategyLines(report: StrategyReport): string[] {
  const { explanation } = report;
  return [
    `${report.role} at ${report.mountPath}: ${report.strategy} (${report.backend})`,
    ...(report.mounts ? [line("mount", "by the run, in a mount namespace of its own")] : []),
    ...gradeLines(report.grade),
    ...explanation.statements.map((statement) => line("says", statement)),
    ...Object.entries(explanation.commands).flatMap(([verb, commands]) => commands.map((text) => line(verb, text))),
    ...explanation.settings.map(({ name, value, why }) => line("setting", `${name} = ${value}: ${why}`)),
    ...findingLines(report.findings),
  ];
}

function gradeLines({ grade, why }: { readonly grade: string; readonly why: string }): string[] {
  return [line("grade", `${grade}: ${why}`), line("", `(${GRADE_MEANINGS[grade as Grade]})`)];
}

function findingLines(findings: readonly StorageFinding[]): string[] {
  return findings.flatMap(({ severity, code, message, fix }) => [
    line(severity, `${code}: ${message}`),
    ...(fix === "" ? [] : [line("", fix)]),
  ]);
}

function spaceText({ spaceBytes, spaceFreeBytes }: NonNullable<DoctorReport["usage"]>): string {
  const mib = (bytes: number) => `${Math.floor(bytes / 1_048_576)} MiB`;
  return `${mib(spaceFreeBytes)} free of ${mib(spaceBytes)}`;
}
