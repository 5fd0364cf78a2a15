import { ask } from "./api.ts";

export type Connecting = { url: string; key: string; return_url: string };

/**
 * Connect a simulated user's account the way a person does: begin here, agree on X's page, come back. Resolves with the
 * account's id; rejects with what the return URL was told instead.
 */
export async function connectAccount({ url, key, return_url }: Connecting, userId: string): Promise<string> {
  const begin = await ask<{ authorize_url: string }>(`${url}/v1/accounts/connect`, {
    key,
    body: { return_url },
  });
  const back = await agree(begin.authorize_url, userId);
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
