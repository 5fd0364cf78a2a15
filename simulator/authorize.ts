import { BadControl, saveUser } from "./controls.ts";
import type { Code, User } from "./entities.ts";
import { html, type Answer, type Call } from "./exchange.ts";
import { makeToken, scopes } from "./grants.ts";
import type { Sim } from "./sim.ts";

type Asked = Pick<Code, "client_id" | "scopes" | "redirect_uri" | "challenge" | "method"> & { state: string };

/** The consent page: GET shows it, POST of its form answers with a redirect to the app (302). */
export function authorize(sim: Sim, call: Call): Answer {
  const form = new URLSearchParams(call.query);
  if (call.method === "POST")
    for (const [name, value] of new URLSearchParams(call.text())) form.set(name, value);
  const asked = read(sim, form);
  if (typeof asked === "string") return errorPage(asked);
  if (call.method !== "POST") return consentPage(sim, call.path, asked, form);

  const back = new URL(asked.redirect_uri);
  const redirect = (): Answer => ({ status: 302, headers: { location: back.href }, body: null });
  if (form.get("decision") === "cancel") {
    back.searchParams.append("error", "access_denied");
    back.searchParams.append("state", asked.state);
    return redirect();
  }
  const user = form.get("decision") === "authorize" ? chosen(sim, form) : "Choose Authorize or Cancel.";
  if (typeof user === "string") return errorPage(user);
  const { client_id, redirect_uri, challenge, method } = asked;
  const code = makeToken(sim, "ac");
  const issued = { client_id, user_id: user.id, scopes: asked.scopes, redirect_uri, challenge, method };
  sim.commit({ type: "code.issued", code: { code, ...issued, created_at: sim.now() } });
  back.searchParams.append("state", asked.state);
  back.searchParams.append("code", code);
  return redirect();
}

// Who agrees: one of the users, or a new one by its name. A name that exists is that user.
function chosen(sim: Sim, form: URLSearchParams): User | string {
  const username = (form.get("new_username") ?? "").trim().replace(/^@/, "");
  if (username === "") return sim.world.users.get(form.get("user_id") ?? "") ?? "Choose a user.";
  try {
    return saveUser(sim, { username });
  } catch (error) {
    if (error instanceof BadControl) return "A username has 1 to 15 letters, digits and underscores.";
    throw error;
  }
}

// What the query asks for, or what is wrong with it in words. X shows an error page for every flaw and sends
// nobody back: a redirect address is not to be trusted before the rest is right.
function read(sim: Sim, query: URLSearchParams): Asked | string {
  const get = (name: string) => query.get(name) ?? "";
  const app = sim.world.apps.get(get("client_id"));
  if (!app) return "Unknown client_id.";
  if (!app.redirect_uris.includes(get("redirect_uri"))) return "redirect_uri is not a registered callback.";
  if (get("response_type") !== "code") return "response_type must be code.";
  if (get("state") === "" || get("state").length > 500) return "state must have 1 to 500 characters.";
  const asked = get("scope")
    .split(" ")
    .filter((scope) => scope !== "");
  if (asked.length === 0 || asked.some((scope) => !scopes.has(scope)))
    return "scope names no or unknown scopes.";
  // At least one public library writes the method in lower case, and X takes it.
  const method = { s256: "S256", plain: "plain" } as const;
  const name = get("code_challenge_method").toLowerCase();
  if (name !== "s256" && name !== "plain") return "code_challenge_method must be S256 or plain.";
  if (get("code_challenge") === "") return "code_challenge is required.";
  return {
    client_id: app.client_id,
    redirect_uri: get("redirect_uri"),
    scopes: [...new Set(asked)],
    challenge: get("code_challenge"),
    method: method[name],
    state: get("state"),
  };
}

function consentPage(sim: Sim, path: string, asked: Asked, query: URLSearchParams): Answer {
  const hidden = [...query].map(
    ([name, value]) => `<input type="hidden" name="${escape(name)}" value="${escape(value)}">`,
  );
  const users = [...sim.world.users.values()].map(
    (user) => `<option value="${user.id}">@${escape(user.username)} (${escape(user.name)})</option>`,
  );
  return html(
    200,
    `<!doctype html><html lang="en"><meta charset="utf-8"><title>Authorize app (simulated X)</title>
<h1>${escape(asked.client_id)} wants to access your X account</h1>
<p>This is the local simulator of X, not x.com.</p>
<ul>${asked.scopes.map((scope) => `<li>${escape(scope)}</li>`).join("")}</ul>
<form method="post" action="${escape(path)}">
${hidden.join("\n")}
<p><label>Account <select name="user_id">${users.join("")}</select></label></p>
<p><label>or a new one: @<input name="new_username" pattern="[A-Za-z0-9_]{1,15}" autocomplete="off"></label></p>
<button name="decision" value="authorize">Authorize app</button>
<button name="decision" value="cancel">Cancel</button>
</form></html>`,
  );
}

function errorPage(detail: string): Answer {
  const title = "Something went wrong";
  const text = "You weren’t able to give access to the App. Go back and try logging in again.";
  const page = `<!doctype html><html lang="en"><meta charset="utf-8"><title>${title}</title>`;
  return html(400, `${page}<h1>${title}</h1><p>${text}</p><p>${escape(detail)}</p></html>`);
}

const escape = (text: string) =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
