import type { SharedFsOptions } from "../options.js";
import type { ServerController } from "./controller.js";
import { exportController } from "./export-controller.js";
import { ganeshaExporter } from "./ganesha.js";
import { hookController } from "./hook-controller.js";
import { kernelExporter } from "./kernel.js";
import { noneController } from "./none-controller.js";

export function controllerOf(options: SharedFsOptions): ServerController {
  const { server } = options;
  switch (server.kind) {
    case "none":
      return noneController;
    case "kernel":
      return exportController(kernelExporter(server), options);
    case "ganesha":
      return exportController(ganeshaExporter(server), options);
    case "hook":
      return hookController(server, options);
  }
}
