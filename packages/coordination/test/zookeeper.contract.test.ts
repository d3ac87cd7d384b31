import { storeContract } from "@holdfast/testkit/vitest";
import { startEnsembleBackend, startSingleBackend } from "./zookeeper/backend.js";

storeContract("zookeeper, one server", { start: startSingleBackend });
storeContract("zookeeper, an ensemble of three", { start: startEnsembleBackend, contendedVersions: 1_000, kills: 8 });
