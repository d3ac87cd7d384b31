import { HoldfastError, leaderRecordFormat, storePaths } from "@holdfast/core";
import type * as z from "zod";
import { audited, readAudit } from "../audit.js";
import type { Caller } from "../auth/tokens.js";
import {
  acknowledge,
  applyService,
  destroyService,
  parseService,
  pauseService,
  planDestroy,
  planService,
  planServiceHandOver,
  requestHandOver,
  requireCatalogued,
} from "../changes.js";
import { CALL_MS, type ControllerContext } from "../context.js";
import { readPause, writePause } from "../records.js";
import { explainService, readServiceHistory, readStatus, readStatusPage } from "../status.js";
import { type Route, route } from "./route.js";
import * as schemas from "./schemas.js";

export interface RouteOptions {
  readonly version: string;
  readonly leads: () => boolean;
}

/** Every operation of the API. Any replica answers: what is asked for is written to the store, and the leader does it. */
export function createRoutes(context: ControllerContext, options: RouteOptions): readonly Route[] {
  return [...reading(context, options), ...changing(context), ...pausing(context), ...handingOver(context)];
}

function reading(context: ControllerContext, { version, leads }: RouteOptions): readonly Route[] {
  const { serviceParams } = schemas;
  return [
    route({
      ...{ method: "GET", path: "/v1/controller", id: "getController", role: "view" },
      summary: "Which controller leads, its store, and a pause of all services.",
      answer: schemas.controllerAnswer,
      async handle({ signal }) {
        const entry = await context.store.get(storePaths.controller.leader, { timeoutMs: CALL_MS, signal });
        const { description, health } = context.store;
        return {
          ...{ version, orchestrator: context.orchestrator.type, store: description, storeState: health().state },
          leads: leads(),
          leader: entry === undefined ? null : leaderRecordFormat.parse(entry.data),
          pause: await readPause(context, null, signal),
        };
      },
    }),
    route({
      ...{ method: "GET", path: "/v1/services", id: "listServices", role: "view", query: schemas.pageQuery },
      summary: "All services and what each of them does, page by page.",
      answer: schemas.pageAnswer,
      handle: ({ query, signal }) => readStatusPage(context, query, signal),
    }),
    route({
      ...{ method: "GET", path: "/v1/services/{service}", id: "getService", role: "view", params: serviceParams },
      summary: "What one service does.",
      answer: schemas.statusAnswer,
      handle: ({ params, signal }) => readStatus(context, params.service, signal),
    }),
    route({
      ...{ method: "GET", path: "/v1/services/{service}/explain", id: "explainService", role: "view" },
      params: serviceParams,
      summary: "Why a service is as it is: what it waits for, which volume, agent and epoch, and what to do next.",
      answer: schemas.explainAnswer,
      handle: ({ params, signal }) => explainService(context, params.service, signal),
    }),
    route({
      ...{ method: "GET", path: "/v1/services/{service}/history", id: "getHistory", role: "view" },
      params: serviceParams,
      summary: "Starts and stops of its runs, and what the controller did; newest first.",
      answer: schemas.historyAnswer,
      handle: ({ params, signal }) => readServiceHistory(context, params.service, signal),
    }),
    route({
      ...{ method: "GET", path: "/v1/audit", id: "getAudit", role: "admin" },
      summary: "The newest changes: who, what, and how it ended.",
      answer: schemas.auditAnswer,
      handle: async ({ signal }) => ({ entries: await readAudit(context, signal) }),
    }),
  ];
}

function changing(context: ControllerContext): readonly Route[] {
  const { serviceParams } = schemas;
  return [
    route({
      ...{ method: "POST", path: "/v1/services/{service}/plan", id: "planService", role: "view" },
      ...{ params: serviceParams, body: schemas.planBody },
      summary: "What applying a service file would do. Changes nothing.",
      answer: schemas.planAnswer,
      handle: ({ params, body, caller, signal }) =>
        planService(context, named(params.service, body.service), caller, signal),
    }),
    route({
      ...{ method: "PUT", path: "/v1/services/{service}", id: "applyService", role: "operate" },
      ...{ params: serviceParams, body: schemas.applyBody },
      summary: "Applies a service file, as it was planned.",
      description: "Refused with `VERSION_CONFLICT` when the plan would be another one now. The leader acts on it.",
      answer: schemas.catalogueAnswer,
      handle: ({ params, body: { service, planHash }, caller, signal }) =>
        audited(context, { caller, action: "apply", service: params.service, detail: planHash }, signal, () =>
          applyService(context, named(params.service, service), planHash, caller, signal),
        ),
    }),
    route({
      ...{ method: "POST", path: "/v1/services/{service}/destroy/plan", id: "planDestroy", role: "view" },
      params: serviceParams,
      summary: "What a destroy would do, what it leaves, and the token that confirms it. Changes nothing.",
      answer: schemas.planAnswer,
      handle: ({ params, caller, signal }) => planDestroy(context, params.service, caller, signal),
    }),
    route({
      ...{ method: "POST", path: "/v1/services/{service}/destroy", id: "destroyService", role: "admin" },
      ...{ params: serviceParams, body: schemas.destroyBody },
      summary: "Stops a service for good. Never deletes data.",
      answer: schemas.catalogueAnswer,
      handle: ({ params, body, caller, signal }) =>
        audited(context, { caller, action: "destroy", service: params.service, detail: body.confirm }, signal, () =>
          destroyService(context, params.service, body.confirm, caller, signal),
        ),
    }),
    route({
      ...{ method: "POST", path: "/v1/services/{service}/acknowledge", id: "acknowledge", role: "operate" },
      ...{ params: serviceParams, body: schemas.acknowledgeBody },
      summary: "An operator looked: what failed or flapped before does not hold the controller back any more.",
      answer: schemas.doneAnswer,
      handle: ({ params, body, caller, signal }) =>
        audited(
          context,
          { caller, action: "acknowledge", service: params.service, detail: body.note },
          signal,
          async () => {
            await acknowledge(context, params.service, body.note, caller, signal);
            return { done: true };
          },
        ),
    }),
  ];
}

/** @throws `INVALID_SPEC`, `USAGE` when the file is that of another service. */
function named(name: string, input: unknown) {
  const service = parseService(input);
  if (service.metadata.name === name) return service;
  throw new HoldfastError("USAGE", `The service file is that of ${service.metadata.name}, not of ${name}.`, {
    hint: "The name in the address and metadata.name must be the same.",
  });
}

function pausing(context: ControllerContext): readonly Route[] {
  const pause = (
    service: string | null,
    body: z.output<typeof schemas.pauseBody>,
    caller: Caller,
    signal: AbortSignal,
  ) =>
    audited(
      context,
      { caller, action: "pause", service, detail: `${body.forMs} ms: ${body.reason}` },
      signal,
      async () => {
        if (service !== null) await requireCatalogued(context, service, signal);
        return { before: await pauseService(context, service, body, caller, signal) };
      },
    );
  const resume = (service: string | null, caller: Caller, signal: AbortSignal) =>
    audited(context, { caller, action: "resume", service, detail: "" }, signal, async () => ({
      before: await writePause(context, service, null, signal),
    }));
  const description = "Leases, deadlines, volume checks and requests of runs for their storage never pause.";
  const { serviceParams: params, pauseBody: body, pauseAnswer: answer } = schemas;
  return [
    route({
      ...{ method: "POST", path: "/v1/services/{service}/pause", id: "pauseService", role: "operate" },
      ...{ params, body, answer, description },
      summary: "The controller leaves this service alone, until it is resumed or the time is over.",
      handle: (asked) => pause(asked.params.service, asked.body, asked.caller, asked.signal),
    }),
    route({
      ...{
        method: "POST",
        path: "/v1/services/{service}/resume",
        id: "resumeService",
        role: "operate",
        params,
        answer,
      },
      summary: "Ends the pause of this service; one of all services goes on.",
      handle: (asked) => resume(asked.params.service, asked.caller, asked.signal),
    }),
    route({
      ...{ method: "POST", path: "/v1/pause", id: "pauseAll", role: "admin", body, answer, description },
      summary: "The controller leaves all services alone, until it is resumed or the time is over.",
      handle: (asked) => pause(null, asked.body, asked.caller, asked.signal),
    }),
    route({
      ...{ method: "POST", path: "/v1/resume", id: "resumeAll", role: "admin", answer },
      summary: "Ends the pause of all services; those of single services go on.",
      handle: (asked) => resume(null, asked.caller, asked.signal),
    }),
  ];
}

function handingOver(context: ControllerContext): readonly Route[] {
  const { serviceParams: params, handOverAnswer: answer } = schemas;
  const ask = (
    service: string,
    wanted: Parameters<typeof requestHandOver>[2] & { readonly dryRun: boolean },
    caller: Caller,
    signal: AbortSignal,
  ) => {
    if (wanted.dryRun) return planServiceHandOver(context, service, wanted, signal);
    const detail = `${wanted.now ? "now, " : ""}to ${wanted.to ?? "anywhere"}: ${wanted.reason}`;
    return audited(context, { caller, action: wanted.kind, service, detail }, signal, () =>
      requestHandOver(context, service, wanted, caller, signal),
    );
  };
  return [
    route({
      ...{ method: "POST", path: "/v1/services/{service}/switchover", id: "switchover", role: "operate", status: 202 },
      ...{ params, body: schemas.handOverBody, answer },
      summary: "Asks the holder to stop cleanly and release; the next run takes over.",
      description: "Answers when that is on record; see `explain` for how far it is.",
      handle: ({ params: { service }, body, caller, signal }) =>
        ask(service, { ...body, kind: "switchover", now: false }, caller, signal),
    }),
    route({
      ...{ method: "POST", path: "/v1/services/{service}/failover", id: "failover", role: "operate", status: 202 },
      ...{ params, body: schemas.failoverBody, answer },
      summary: "The same for a holder that is ill: it is fenced when it does not release.",
      handle: async ({ params: { service }, body, caller, signal }) => {
        if (!body.confirm && !body.dryRun) {
          throw new HoldfastError(
            "USAGE",
            "Nothing was changed: the holder may be cut off in the middle of its work.",
            {
              hint: "Give confirm when you are sure.",
            },
          );
        }
        return ask(service, { ...body, kind: "failover" }, caller, signal);
      },
    }),
  ];
}
