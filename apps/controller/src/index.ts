export { openApiDocument } from "./api/openapi.js";
export { createRoutes } from "./api/routes.js";
export { addToken, type Caller, ROLES, type Role } from "./auth/tokens.js";
export type { ServicePlan } from "./changes.js";
export type { ControllerContext, ResolvedService } from "./context.js";
export { type Controller, type ControllerOptions, startController } from "./controller.js";
export type { Explanation, ServiceHistory, ServiceStatus, StatusPage } from "./status.js";
