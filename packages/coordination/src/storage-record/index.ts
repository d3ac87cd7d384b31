export {
  addLossReceipt,
  beginRestore,
  endRestore,
  markInitialised,
  movePin,
  pinVolume,
  readStorageRecord,
  type VolumeName,
} from "./storage-record.js";
