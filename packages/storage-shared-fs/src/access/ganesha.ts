import type { GaneshaServerOptions } from "../options.js";

/**
 * Pure: the EXPORT block, or nothing when nobody is let in: an export that is gone from the configuration is taken down
 * with all opens and locks on it, one without clients would keep them.
 */
export function ganeshaRules(server: GaneshaServerOptions, pseudoPath: string, addresses: readonly string[]): string {
  if (addresses.length === 0) return "";
  const parameters = Object.entries(server.exportParameters).map(([name, value]) => `  ${name} = ${value};\n`);
  return `EXPORT {
  Export_Id = ${server.exportId};
  Path = ${server.directory};
  Pseudo = ${pseudoPath};
  Protocols = 4;
  Transports = TCP;
  Access_Type = None;
${parameters.join("")}  FSAL { Name = VFS; }
  CLIENT { Clients = ${addresses.join(", ")}; Access_Type = RW; Protocols = 4; }
}
`;
}
