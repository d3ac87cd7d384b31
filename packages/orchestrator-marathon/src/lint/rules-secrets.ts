import { pointerPart } from "../pointer.js";
import { type AppView, type Found, found } from "./view.js";
import { splitWords } from "./wrapper-command.js";

/** Names under which people keep secrets; what names a file, a path or a user is none. */
const SECRET_NAME =
  /(passw(or)?d|passphrase|secret|token|api_?key|access_?key|private_?key|credentials?|(^|_)pwd|(^|_)auth)$/i;
const SECRET_FLAG = /^--?(pass(w(or)?d)?|requirepass|masterauth|secret|token|api-?key|access-?key|secret-?key)$/i;
const URL_CREDENTIALS = /[a-z][a-z0-9+.-]*:\/\/[^\s/@:]*:[^\s/@]+@/i;
/** Where the value is elsewhere: a file, a variable of the shell, a template. */
const REFERENCE = /^(\/|\.\/|file:|@|\$|\{\{|<)/;

/** What everybody can read who may read the app. Values are looked at and never repeated. */
export function secretRules({ app, written }: AppView): readonly Found[] {
  const problems: Found[] = [];
  let refers = false;
  for (const [name, value] of Object.entries(app.env ?? {})) {
    const pointer = `/env/${pointerPart(name)}`;
    if (typeof value === "string") {
      if (isSecret(name, value)) problems.push(found("MARATHON_SECRET_IN_ENV", pointer));
    } else {
      refers = true;
      if (app.secrets?.[value.secret] === undefined && !("secrets" in written && app.secrets === undefined)) {
        problems.push(found("MARATHON_SECRET_UNDEFINED", pointer));
      }
    }
  }
  for (const [name, value] of Object.entries(app.labels ?? {})) {
    if (isSecret(name, value)) problems.push(found("MARATHON_SECRET_IN_LABEL", `/labels/${pointerPart(name)}`));
  }
  return [...problems, ...commandSecrets(app), ...(refers ? [found("MARATHON_SECRET_NEEDS_PLUGIN", "/secrets")] : [])];
}

function isSecret(name: string, value: string): boolean {
  if (URL_CREDENTIALS.test(value)) return true;
  return SECRET_NAME.test(name.replaceAll(/[-.]/g, "_")) && value !== "" && !REFERENCE.test(value);
}

function commandSecrets({ cmd, args, container, healthChecks }: AppView["app"]): readonly Found[] {
  const problems: Found[] = [];
  const index = secretWord(args ?? []);
  if (index >= 0) problems.push(found("MARATHON_SECRET_IN_COMMAND", `/args/${index}`));
  if (secretWord(splitWords(cmd ?? "")) >= 0) problems.push(found("MARATHON_SECRET_IN_COMMAND", "/cmd"));
  for (const [check, { command }] of (healthChecks ?? []).entries()) {
    if (secretWord(splitWords(command?.value ?? "")) >= 0) {
      problems.push(found("MARATHON_SECRET_IN_COMMAND", `/healthChecks/${check}/command/value`));
    }
  }
  for (const [parameter, { key = "", value = "" }] of (container?.docker?.parameters ?? []).entries()) {
    const [name = "", ...rest] = key === "env" || key === "e" ? value.split("=") : [key, value];
    if (isSecret(name, rest.join("="))) {
      problems.push(found("MARATHON_SECRET_IN_COMMAND", `/container/docker/parameters/${parameter}`));
    }
  }
  return problems;
}

/** `--password=x`, `--password x`, `PASSWORD=x program`, `scheme://user:x@host`; -1 = none. */
function secretWord(words: readonly string[]): number {
  return words.findIndex((word, index) => {
    if (URL_CREDENTIALS.test(word)) return true;
    const assigned = /^(-{0,2}[A-Za-z_][A-Za-z0-9_-]*)=(.+)$/s.exec(word);
    if (assigned !== null) {
      const [, name = "", value = ""] = assigned;
      return (SECRET_FLAG.test(name) || SECRET_NAME.test(name.replaceAll("-", "_"))) && !REFERENCE.test(value);
    }
    const next = words[index + 1];
    return SECRET_FLAG.test(word) && next !== undefined && !next.startsWith("-") && !REFERENCE.test(next);
  });
}
