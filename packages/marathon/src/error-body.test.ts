import { expect, test } from "vitest";
import { parseErrorBody } from "./error-body.js";
import { errorOf } from "./errors.js";

const url = new URL("http://m1:8080/v2/apps/x");
const read = (status: number, text: string, effect: "read" | "write" = "write") =>
  errorOf({ status, text, url }, { what: "Replacing /x", effect });

const JETTY_401 = `<html>
<head><meta http-equiv="Content-Type" content="text/html;charset=ISO-8859-1"/><title>Error 401 </title></head>
<body><h2>HTTP ERROR: 401</h2><p>Problem accessing /v2/apps. Reason:<pre>    Unauthorized</pre></p></body></html>`;

const LOCKED = JSON.stringify({
  message: "App is locked by one or more deployments. Override with the option '?force=true'.",
  deployments: [{ id: "97c136bf-5a28-4821-9d94-480d9fbb01c8" }],
});

test.each([
  ["a list of path and errors", { details: [{ path: "/a", errors: ["is wrong", "is bad"] }] }, ["/a", "/a"]],
  ["a list with errors as one string", { details: [{ path: "/a", errors: "is wrong" }] }, ["/a"]],
  ["a list with errors as an object", { details: [{ path: "/a", errors: { b: ["is wrong"] } }] }, ["/a/b"]],
  ["a list of strings", { details: ["is wrong"] }, [""]],
  ["a string", { details: "is wrong" }, [""]],
  ["an object by path", { details: { "upgradeStrategy.x": ["is wrong"] } }, ["/upgradeStrategy.x"]],
  ["errors beside the message", { errors: [{ message: "is wrong" }] }, [""]],
  ["errors beside the message, as an object", { errors: { id: "is wrong" } }, ["/id"]],
])("a refused definition with %s is one message that names the complaint", (_, more, paths) => {
  const error = read(422, JSON.stringify({ message: "Object is not valid", ...more }));
  expect(error).toMatchObject({ code: "INVALID_SPEC", retryable: false, detail: { status: 422 } });
  expect(error.message).toContain("Object is not valid");
  expect(error.message).toContain("is wrong");
  expect((error.detail.errors as { path: string }[]).map(({ path }) => path)).toEqual(paths);
});

test("a refused definition without details is still one message", () => {
  const error = read(422, '{"message":"assertion failed"}');
  expect(error).toMatchObject({ code: "INVALID_SPEC" });
  expect(error.message).toBe("Replacing /x: Marathon at http://m1:8080 answered 422: assertion failed");
});

test("Jetty's page for missing credentials is one line", () => {
  const error = read(401, JETTY_401);
  expect(error).toMatchObject({ code: "DENIED", retryable: false });
  expect(error.message).toBe("Replacing /x: Marathon at http://m1:8080 answered 401: Error 401");
});

test("a locked app is busy, and names the deployments", () => {
  const error = read(409, LOCKED);
  expect(error).toMatchObject({ code: "BUSY", retryable: true });
  expect(error.detail.deployments).toEqual(["97c136bf-5a28-4821-9d94-480d9fbb01c8"]);
});

test.each([
  [400, '{"message":"Invalid JSON","details":"Unexpected character"}', "INVALID_SPEC"],
  [403, '{"message":"Not Authorized to perform this action!"}', "DENIED"],
  [403, '{"message":"Max number (100) of running deployments is achieved. Wait until existing deployments"}', "BUSY"],
  [404, `{"message":"App '/x' does not exist"}`, "NOT_FOUND"],
  [404, '{"message":"There is no leader"}', "NOT_FOUND"],
  [404, '{"message":"Application /x not found in tasks queue."}', "NOT_FOUND"],
  [409, '{"message":"An app with id [/x] already exists."}', "RECORD_EXISTS"],
  [409, '{"message":"App is locked by one or more deployments."}', "BUSY"],
  [405, "<html><title>Error 405 </title></html>", "API_UNREADABLE"],
  [302, "", "API_UNREADABLE"],
])("%d %s is %s", (status, text, code) => {
  expect(read(status, text)).toMatchObject({ code });
});

test.each([
  ["a proxy's page", "<html><title>404 Not Found</title></html>"],
  ["a gateway's JSON", '{"message":"no Route matched with those values"}'],
  ["an empty body", ""],
])("%s with 404 does not say that the app does not exist", (_, text) => {
  expect(read(404, text, "read")).toMatchObject({ code: "API_UNREADABLE" });
});

test.each([500, 502, 503, 504])("%d to a change leaves its outcome unknown, to a read it does not", (status) => {
  expect(read(status, '{"message":"timed out"}', "write")).toMatchObject({ code: "UNKNOWN_OUTCOME" });
  expect(read(status, "", "read").code).toMatch(/^API_/);
});

test("Marathon's own words for an unknown route change nothing", () => {
  expect(read(500, '{"message":"URI not found: /v2/nothing"}')).toMatchObject({ code: "API_UNREADABLE" });
});

test.each(["", "   ", "null", "[]", "42", '"x"', "{", '{"details":{"a":[null,{"b":[]}]}}', "<html>", "\u0000\ufffd"])(
  "%j is read without an exception, and says something",
  (text) => {
    const body = parseErrorBody(text);
    expect(body.message).toBeUndefined();
    expect(body.words).not.toBe("");
    expect(read(500, text)).toMatchObject({ code: "UNKNOWN_OUTCOME" });
  },
);

test("a long body is cut", () => {
  expect(parseErrorBody("x".repeat(100_000)).words.length).toBeLessThan(400);
});
