export { type Guest, type GuestOptions, type GuestResult, startGuest } from "./guest.js";
export { buildGuestImage, type GuestImage } from "./image.js";
export { downloadGuestKernel } from "./kernel.js";
export { guestsUnavailable } from "./unavailable.js";
