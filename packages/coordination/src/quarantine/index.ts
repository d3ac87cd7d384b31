export {
  confirmClean,
  listQuarantines,
  quarantineAgent,
  readQuarantine,
  settleQuarantine,
  writeClean,
} from "./quarantine.js";
