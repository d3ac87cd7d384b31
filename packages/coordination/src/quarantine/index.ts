export { confirmClean, quarantineAgent, readQuarantine, settleQuarantine, writeClean } from "./quarantine.js";
