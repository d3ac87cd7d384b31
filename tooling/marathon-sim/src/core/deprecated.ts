import { invalid } from "./problem.js";

type Fields = Readonly<Record<string, unknown>>;

const isFields = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/**
 * Facts 10: `ipAddress`, `ports`, `uris`, `docker.network` and `docker.portMappings` are translated and never returned.
 * Takes a body as it was sent. @throws Problem 422 when old and new are mixed.
 */
export function withoutDeprecated(body: unknown): unknown {
  if (!isFields(body)) return body;
  const { ports, uris, ipAddress, ...kept } = body;
  const { network, portMappings, container } = dockerParts(kept.container);
  const networks = networksOf(network, ipAddress);
  refuseMix("/portDefinitions", ports, kept.portDefinitions);
  refuseMix("/fetch", uris, kept.fetch);
  refuseMix("/networks", networks, kept.networks);
  refuseMix(
    "/container/portMappings",
    portMappings,
    isFields(kept.container) ? kept.container.portMappings : undefined,
  );
  return {
    ...kept,
    ...(Array.isArray(ports) ? { portDefinitions: ports.map((port: unknown) => ({ port })) } : {}),
    ...(Array.isArray(uris) ? { fetch: uris.map((uri: unknown) => ({ uri })) } : {}),
    ...(networks === undefined ? {} : { networks }),
    ...(container === undefined
      ? {}
      : { container: { ...container, ...(portMappings === undefined ? {} : { portMappings }) } }),
  };
}

function dockerParts(container: unknown) {
  if (!isFields(container) || !isFields(container.docker)) return { container };
  const { network, portMappings, ...docker } = container.docker;
  return { network, portMappings, container: { ...container, docker } };
}

function networksOf(network: unknown, ipAddress: unknown): Fields[] | undefined {
  const name = isFields(ipAddress) ? ipAddress.networkName : undefined;
  if (network === "HOST") return [{ mode: "host" }];
  if (network === "BRIDGE") return [{ mode: "container/bridge" }];
  if (network === "USER" || isFields(ipAddress))
    return [{ mode: "container", ...(name === undefined ? {} : { name }) }];
  return undefined;
}

function refuseMix(path: string, old: unknown, current: unknown): void {
  if (old !== undefined && current !== undefined)
    throw invalid([{ path, errors: ["cannot specify both a deprecated field and its replacement"] }]);
}
