/** One entry of `details` in a 422 (facts 11). */
export interface ProblemDetail {
  readonly path: string;
  readonly errors: readonly string[];
}

export interface ProblemBody {
  readonly message: string;
  readonly details?: string | readonly ProblemDetail[];
  readonly deployments?: readonly { readonly id: string }[];
}

/** An answer of Marathon that is not a success. Part of the double's behaviour, not an error of the double. */
export class Problem extends Error {
  override readonly name = "Problem";
  readonly status: number;
  readonly body: ProblemBody;

  constructor(status: number, body: ProblemBody) {
    super(body.message);
    this.status = status;
    this.body = body;
  }
}

export const noSuchApp = (id: string): Problem => new Problem(404, { message: `App '${id}' does not exist` });
export const noSuchTask = (id: string): Problem => new Problem(404, { message: `Task '${id}' does not exist` });

export function invalid(details: readonly ProblemDetail[]): Problem {
  return new Problem(422, { message: "Object is not valid", details });
}
