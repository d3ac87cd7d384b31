export { type Backoff, backoffMs, DEFAULT_BACKOFF } from "./backoff.js";
export {
  createHttpClient,
  type HttpAnswer,
  type HttpCall,
  type HttpClient,
  type HttpClientOptions,
  type HttpStream,
} from "./client.js";
export type { HttpCredentials } from "./credentials.js";
export type { HttpTls } from "./tls.js";
export { type RecordParser, type Watched, type WatchOptions, watch } from "./watch.js";
