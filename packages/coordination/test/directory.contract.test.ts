import { storeContract } from "@holdfast/testkit/vitest";
import { startDirectoryBackend } from "./directory-backend.js";

storeContract("directory", { start: startDirectoryBackend });
