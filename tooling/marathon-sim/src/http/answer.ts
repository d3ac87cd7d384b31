import type { Accepted } from "../core/api.js";
import type { Problem } from "../core/problem.js";

/** What a handler answers; the front turns it into a response. */
export interface Answer {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
  readonly headers: Readonly<Record<string, string>>;
  /** The body as data, for the check against the published contract. */
  readonly data: unknown;
}

export function json(status: number, data: unknown, headers: Readonly<Record<string, string>> = {}): Answer {
  return { status, contentType: "application/json", body: JSON.stringify(data), headers, data };
}

export function text(status: number, body: string, contentType = "text/plain"): Answer {
  return { status, contentType, body, headers: {}, data: undefined };
}

export const empty = (status: number): Answer => text(status, "");

/** Facts 11: every accepted change carries its deployment's id in a header too. */
export const deploymentHeader = ({ deployment }: Accepted) => ({ "Marathon-Deployment-Id": deployment.id });

export function accepted(status: number, result: Accepted): Answer {
  const body = { version: result.version, deploymentId: result.deployment.id };
  return json(status, body, deploymentHeader(result));
}

export const problem = ({ status, body }: Problem): Answer => json(status, body);

/** The page that Jetty, Marathon's web server, makes of an error. */
export function jettyPage(status: number, reason: string, path: string): Answer {
  const body = `<html>
<head>
<meta http-equiv="Content-Type" content="text/html;charset=utf-8"/>
<title>Error ${status} ${reason}</title>
</head>
<body><h2>HTTP ERROR ${status}</h2>
<p>Problem accessing ${path.replace(/[&<>"]/g, "")}. Reason:
<pre>    ${reason}</pre></p><hr><a href="http://eclipse.org/jetty">Powered by Jetty:// 9.4.z-SNAPSHOT</a><hr/>

</body>
</html>
`;
  return text(status, body, "text/html;charset=iso-8859-1");
}
