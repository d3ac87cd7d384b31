export { askHandover, awaitHandover, type HandoverWish, readHandover, withdrawHandover } from "./handover.js";
