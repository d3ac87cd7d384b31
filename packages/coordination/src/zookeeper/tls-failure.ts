import { HoldfastError } from "@holdfast/core";

interface Explanation {
  readonly codes: RegExp;
  readonly code: "DENIED" | "BAD_CONFIGURATION";
  readonly what: string;
  readonly hint: string;
}

/** Codes of Node.js (`tls`, `X509_V_ERR_*`) and of OpenSSL's alerts, RFC 8446 §6.2. First match counts. */
const EXPLANATIONS: readonly Explanation[] = [
  {
    codes: /^ERR_TLS_CERT_ALTNAME_INVALID$/,
    code: "DENIED",
    what: "its certificate is for another name",
    hint: "Use a name in the store URL that the certificate carries, or give it with --store-server-name.",
  },
  {
    codes: /^(CERT_HAS_EXPIRED|CERT_NOT_YET_VALID)$/,
    code: "DENIED",
    what: "its certificate is not valid at this time",
    hint: "Renew the server's certificate, and compare the clocks.",
  },
  {
    codes:
      /^(UNABLE_TO_VERIFY_LEAF_SIGNATURE|UNABLE_TO_GET_ISSUER_CERT|UNABLE_TO_GET_ISSUER_CERT_LOCALLY|SELF_SIGNED_CERT_IN_CHAIN|DEPTH_ZERO_SELF_SIGNED_CERT|CERT_SIGNATURE_FAILURE|CERT_UNTRUSTED|CERT_REJECTED|INVALID_CA|INVALID_PURPOSE)$/,
    code: "DENIED",
    what: "its certificate is not from an authority that is trusted here",
    hint: "Give the authority that signed it with --store-ca.",
  },
  {
    codes: /ALERT_(BAD_CERTIFICATE|CERTIFICATE_REQUIRED|NO_CERTIFICATE)/,
    code: "DENIED",
    what: "it wants a client certificate, and was shown none that it can use",
    hint: "Give one with --store-cert and --store-key.",
  },
  {
    codes:
      /ALERT_(CERTIFICATE_UNKNOWN|UNKNOWN_CA|CERTIFICATE_EXPIRED|CERTIFICATE_REVOKED|UNSUPPORTED_CERTIFICATE|ACCESS_DENIED|DECRYPT_ERROR)/,
    code: "DENIED",
    what: "it refuses this client's certificate",
    hint: "Use a client certificate from an authority in the server's trust store, and compare the dates.",
  },
  {
    codes: /^(ERR_SSL_WRONG_VERSION_NUMBER|ERR_SSL_PACKET_LENGTH_TOO_LONG|EPROTO)$/,
    code: "BAD_CONFIGURATION",
    what: "it does not speak TLS on that port",
    hint: "Name the secureClientPort of the server, or use zookeeper:// without TLS.",
  },
  {
    codes: /^ERR_SSL_(UNSUPPORTED_PROTOCOL|NO_SHARED_CIPHER|.*ALERT_(PROTOCOL_VERSION|HANDSHAKE_FAILURE))/,
    code: "BAD_CONFIGURATION",
    what: "it shares no protocol version or cipher with this client",
    hint: "Allow TLS 1.2 or 1.3 in ssl.enabledProtocols of the server.",
  },
];

/**
 * What a failed TLS connection means when trying again would end in the same way; null for everything that may pass
 * (refused, reset, timed out).
 */
export function explainTlsFailure(label: string, error: NodeJS.ErrnoException): HoldfastError | null {
  const code = tlsCodeOf(error);
  const found = EXPLANATIONS.find(({ codes }) => codes.test(code));
  if (found === undefined) return null;
  return new HoldfastError(found.code, `TLS with the ZooKeeper server ${label} failed: ${found.what} (${code}).`, {
    hint: found.hint,
    detail: { server: label, tlsCode: code },
    cause: error,
  });
}

/** A failed write carries EPROTO as its code, and OpenSSL's reason only in its message. */
function tlsCodeOf({ code = "", message }: NodeJS.ErrnoException): string {
  const alert = code === "EPROTO" ? /:(?:ssl|tls)v[\d.]+ alert ([a-z ]+):/.exec(message)?.[1] : undefined;
  return alert === undefined ? code : `ERR_SSL_ALERT_${alert.toUpperCase().replaceAll(" ", "_")}`;
}
