import { type CallOptions, parse, type Send, type SendRaw } from "./call.js";
import { type Deployment, type DeploymentResult, deploymentListSchema, deploymentResultSchema } from "./schemas.js";

/** Deployments. Semantics: DeploymentsResource.scala. */
export interface DeploymentsApi {
  /** Those under way. One that is not listed has ended, well or not. None has a time limit; the caller owns that. */
  list(options?: CallOptions): Promise<readonly Deployment[]>;
  /**
   * Without `force`, starts another deployment that rolls this one back, and resolves with it. With `force`, only
   * stops it, and resolves with null; what it had done stays. @throws `NOT_FOUND`: it ended meanwhile.
   */
  cancel(id: string, options?: CallOptions & { readonly force?: boolean }): Promise<DeploymentResult | null>;
}

export function createDeploymentsApi(send: Send, sendRaw: SendRaw): DeploymentsApi {
  return {
    list: (options) =>
      send(
        { method: "GET", path: "/v2/deployments", effect: "read", what: "Listing deployments" },
        deploymentListSchema,
        options,
      ),
    async cancel(id, options) {
      const request = {
        method: "DELETE",
        path: `/v2/deployments/${encodeURIComponent(id)}`,
        query: [["force", String(options?.force ?? false)]],
        effect: "write",
        what: `Cancelling deployment ${id}`,
      } as const;
      const answer = await sendRaw(request, options);
      return answer.status === 202 ? null : parse(answer, request, deploymentResultSchema);
    },
  };
}
