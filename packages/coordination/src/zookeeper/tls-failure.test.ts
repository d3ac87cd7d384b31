import { expect, test } from "vitest";
import { explainTlsFailure } from "./tls-failure.js";

const failure = (code: string, message = code) => Object.assign(new Error(message), { code });

test.each([
  ["ERR_TLS_CERT_ALTNAME_INVALID", "DENIED", /another name/],
  ["CERT_HAS_EXPIRED", "DENIED", /not valid at this time/],
  ["SELF_SIGNED_CERT_IN_CHAIN", "DENIED", /authority/],
  ["ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE", "DENIED", /client certificate/],
  ["ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED", "DENIED", /client certificate/],
  ["ERR_SSL_TLSV1_ALERT_UNKNOWN_CA", "DENIED", /refuses this client's certificate/],
  ["ERR_SSL_WRONG_VERSION_NUMBER", "BAD_CONFIGURATION", /does not speak TLS/],
  ["ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION", "BAD_CONFIGURATION", /protocol version/],
])("%s is final: %s", (code, expected, message) => {
  const explained = explainTlsFailure("zk1:2281", failure(code));
  expect([explained?.code, explained?.message]).toEqual([expected, expect.stringMatching(message)]);
  expect(explained?.message).toContain("zk1:2281");
  expect(explained?.hint).not.toBe("");
});

test("an alert that only the message of a failed write names", () => {
  const message =
    "write EPROTO 80A4:error:0A000412:SSL routines:ssl3_read_bytes:sslv3 alert bad certificate:rec.c:1601:";
  expect(explainTlsFailure("zk1:2281", failure("EPROTO", message))?.message).toContain("client certificate");
});

test.each(["ECONNREFUSED", "ECONNRESET", "ETIMEDOUT", "ENOTFOUND", "EHOSTUNREACH"])("%s may pass", (code) => {
  expect(explainTlsFailure("zk1:2281", failure(code))).toBeNull();
});
