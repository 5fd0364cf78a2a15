import { ask } from "./api.ts";

export type Connecting = { url: string; key: string; return_url: string };

/** Begin to connect an account: the address of X's page that a person opens. It works once, and for ten minutes. */
export async function beginConnect({ url, key, return_url }: Connecting): Promise<string> {
  const begin = { key, body: { return_url } };
  return (await ask<{ authorize_url: string }>(`${url}/v1/accounts/connect`, begin)).authorize_url;
}

/** Connect a simulated user's account the way a person does: begin here, agree on X's page, come back. */
export const connectAccount = async (connecting: Connecting, userId: string): Promise<string> =>
  followConnect(await beginConnect(connecting), userId);

/** Agree on X's page and come back. Resolves with the account's id; rejects with what the return URL was told instead. */
export async function followConnect(authorizeUrl: string, userId: string): Promise<string> {
  const back = await agree(authorizeUrl, userId);
  const home = await redirect(back);
  const id = home.searchParams.get("account_id");
  if (id === null)
    throw new Error(`The account was not connected: ${home.searchParams.get("error") ?? home.href}`);
  return id;
}

/** Fill in the form of the consent page and send it, as a browser does. */
async function agree(pageUrl: string, userId: string): Promise<string> {
  const response = await fetch(pageUrl);
  const page = await response.text();
  if (!response.ok) throw new Error(`The consent page says: ${page}`);
  const action = /<form [^>]*action="([^"]*)"/.exec(page)?.[1] ?? "";
  const form = new URLSearchParams();
  for (const [, name = "", value = ""] of page.matchAll(
    /<input type="hidden" name="([^"]*)" value="([^"]*)"/g,
  ))
    form.set(unescape(name), unescape(value));
  form.set("user_id", userId);
  form.set("decision", "authorize");
  return (await redirect(new URL(unescape(action), pageUrl).href, form)).href;
}

async function redirect(url: string, form?: URLSearchParams): Promise<URL> {
  const response = await fetch(url, {
    redirect: "manual",
    ...(form && { method: "POST", body: form }),
  });
  const location = response.headers.get("location");
  const text = await response.text();
  if (location === null)
    throw new Error(`${new URL(url).pathname} sent nobody on: ${response.status} ${text}`);
  return new URL(location, url);
}

const unescape = (text: string): string =>
  text.replaceAll("&quot;", '"').replaceAll("&gt;", ">").replaceAll("&lt;", "<").replaceAll("&amp;", "&");
