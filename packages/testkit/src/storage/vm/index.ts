export { type Guest, type GuestOptions, type GuestResult, startGuest } from "./guest.js";
export { buildGuestImage, type GuestImage } from "./image.js";
export { guestsUnavailable } from "./unavailable.js";
