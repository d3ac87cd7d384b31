import { HoldfastError } from "@holdfast/core";
import { systemClock } from "@holdfast/effects";
import type { Command } from "commander";
import {
  catalogueSchema,
  doneSchema,
  explainSchema,
  historySchema,
  pageSchema,
  pauseSchema,
  planSchema,
  type Status,
  statusSchema,
} from "../client/answers.js";
import { ControllerClient, type ControllerFlags, withControllerFlags } from "../client/client.js";
import { parseDuration } from "../client/duration.js";
import { explainLines, historyTable, planLines, statusTable } from "../client/lines.js";
import { readServiceFile } from "../service-file/read.js";
import { printJson, printLines } from "./output.js";

const PAGE = 200;
const POLL_MS = 1_000;

/** Commands that ask the controller. */
export function registerControlled(program: Command): void {
  registerApply(program);
  registerDestroy(program);
  registerLooks(program);
  registerPauses(program);
}

function registerApply(program: Command): void {
  withControllerFlags(program.command("apply"))
    .description("give the controller a service file; it is refused when the world moved since its plan")
    .requiredOption("-f, --file <file>", "service file")
    .option("--plan-hash <hash>", "of the plan that was read: holdfast plan -f FILE --controller URL")
    .option("--yes", "plan now, and apply that plan unread")
    .option("--wait <duration>", "until it is settled: 90s, 10m", parseDuration)
    .action(
      async (
        flags: ControllerFlags & { file: string; planHash?: string; yes?: boolean; wait?: number },
      ): Promise<void> => {
        const { service } = await readServiceFile(flags.file);
        const client = await ControllerClient.open(flags);
        const path = `/v1/services/${service.metadata.name}`;
        const plan = await client.post(`${path}/plan`, { service }, planSchema);
        if (flags.planHash === undefined && flags.yes !== true && plan.action !== "none") {
          printLines(planLines(plan));
          throw new HoldfastError("USAGE", "Nothing was applied yet.", {
            hint: `Apply what is shown with --plan-hash ${plan.hash}, or give --yes.`,
          });
        }
        const planHash = flags.planHash ?? plan.hash;
        const applied = await client.put(path, { service, planHash }, catalogueSchema);
        const status = flags.wait === undefined ? undefined : await untilSettled(client, path, flags.wait);
        if (flags.json === true) return printJson({ plan, applied, ...(status === undefined ? {} : { status }) });
        printLines([
          ...planLines(plan),
          `applied as generation ${applied.generation}${status === undefined ? "; the controller acts on it" : "; it is settled"}`,
        ]);
      },
    );
}

async function untilSettled(client: ControllerClient, path: string, limitMs: number): Promise<Status> {
  const untilMs = systemClock.now().monoMs + limitMs;
  for (;;) {
    const status = await client.get(path, statusSchema);
    if (status.state === "settled") return status;
    if (systemClock.now().monoMs >= untilMs) {
      throw new HoldfastError(
        "WAIT_LIMIT",
        `${status.service} is not settled: ${status.code ?? status.state}: ${status.why}`,
        {
          hint: `It was applied, and the controller goes on. See holdfast explain ${status.service}.`,
          retryable: true,
        },
      );
    }
    await systemClock.sleep(POLL_MS);
  }
}

function registerDestroy(program: Command): void {
  withControllerFlags(program.command("destroy <service>"))
    .description("stop a service for good; its data stays where it is")
    .option("--confirm <token>", "as its plan prints it; without one, only the plan is shown")
    .action(async (service: string, flags: ControllerFlags & { confirm?: string }) => {
      const client = await ControllerClient.open(flags);
      const path = `/v1/services/${encodeURIComponent(service)}/destroy`;
      if (flags.confirm === undefined) {
        const plan = await client.post(`${path}/plan`, {}, planSchema);
        return flags.json === true ? printJson(plan) : printLines(planLines(plan));
      }
      const record = await client.post(path, { confirm: flags.confirm }, catalogueSchema);
      if (flags.json === true) return printJson(record);
      printLines([`${service} is being stopped for good; see holdfast explain ${service}. Its data stays.`]);
    });
}

function registerLooks(program: Command): void {
  withControllerFlags(program.command("status [service]"))
    .description("what every service does, or one: who holds it, its tasks, what it waits for")
    .action(async (service: string | undefined, flags: ControllerFlags) => {
      const client = await ControllerClient.open(flags);
      const services = service === undefined ? await allServices(client) : [await oneService(client, service)];
      if (flags.json === true) printJson(service === undefined ? { services } : services[0]);
      else printLines(statusTable(services));
    });
  withControllerFlags(program.command("explain <service>"))
    .description("why a service is as it is: what it waits for, which volume, agent and epoch, and what to do next")
    .action(async (service: string, flags: ControllerFlags) => {
      const client = await ControllerClient.open(flags);
      const explained = await client.get(`/v1/services/${encodeURIComponent(service)}/explain`, explainSchema);
      if (flags.json === true) printJson(explained);
      else printLines(explainLines(explained));
    });
  withControllerFlags(program.command("history <service>"))
    .description("starts and stops of its runs, and what the controller did, newest first")
    .action(async (service: string, flags: ControllerFlags) => {
      const client = await ControllerClient.open(flags);
      const history = await client.get(`/v1/services/${encodeURIComponent(service)}/history`, historySchema);
      if (flags.json === true) printJson(history);
      else printLines(historyTable(history));
    });
  withControllerFlags(program.command("acknowledge <service>"))
    .description("you looked: what failed or flapped before does not hold the controller back any more")
    .option("--note <text>", "what was found, for others", "")
    .action(async (service: string, flags: ControllerFlags & { note: string }) => {
      const client = await ControllerClient.open(flags);
      const path = `/v1/services/${encodeURIComponent(service)}/acknowledge`;
      const done = await client.post(path, { note: flags.note }, doneSchema);
      if (flags.json === true) printJson(done);
      else printLines([`${service}: what was before does not count any more.`]);
    });
}

const oneService = (client: ControllerClient, service: string) =>
  client.get(`/v1/services/${encodeURIComponent(service)}`, statusSchema);

async function allServices(client: ControllerClient): Promise<readonly Status[]> {
  const services: Status[] = [];
  for (let after: string | null = ""; after !== null; ) {
    const page: { services: Status[]; next: string | null } = await client.get(
      `/v1/services?limit=${PAGE}&after=${encodeURIComponent(after)}`,
      pageSchema,
    );
    services.push(...page.services);
    after = page.next;
  }
  return services;
}

interface PauseFlags extends ControllerFlags {
  readonly all?: boolean;
}

function registerPauses(program: Command): void {
  withControllerFlags(program.command("pause [service]"))
    .description("the controller leaves a service alone for a while; leases and checks never pause")
    .option("--all", "every service")
    .requiredOption("--for <duration>", "it ends by itself: 30m, 2h, at most 7d", parseDuration)
    .requiredOption("--reason <text>", "why, for whoever wonders")
    .action(async (service: string | undefined, flags: PauseFlags & { for: number; reason: string }) => {
      const client = await ControllerClient.open(flags);
      const path = scopeOf(service, flags.all);
      const answer = await client.post(`${path}/pause`, { reason: flags.reason, forMs: flags.for }, pauseSchema);
      if (flags.json === true) return printJson(answer);
      const replaced = answer.before === null ? "" : ` It takes the place of the pause of ${answer.before.owner}.`;
      printLines([`Paused for ${flags.for / 60_000} min: ${service ?? "every service"}.${replaced}`]);
    });
  withControllerFlags(program.command("resume [service]"))
    .description("end a pause before its time")
    .option("--all", "the pause of every service")
    .action(async (service: string | undefined, flags: PauseFlags) => {
      const client = await ControllerClient.open(flags);
      const answer = await client.post(`${scopeOf(service, flags.all)}/resume`, {}, pauseSchema);
      if (flags.json === true) return printJson(answer);
      printLines([answer.before === null ? "There was no pause." : `The pause of ${answer.before.owner} has ended.`]);
    });
}

/** @throws `USAGE` unless exactly one of both was given. */
function scopeOf(service: string | undefined, all: boolean | undefined): string {
  if ((service === undefined) === (all === true))
    return service === undefined ? "/v1" : `/v1/services/${encodeURIComponent(service)}`;
  throw new HoldfastError("USAGE", "Which service?", { hint: "Name one, or give --all." });
}
