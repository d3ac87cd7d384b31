export { createLoopback, type Loopback } from "./loopback.js";
