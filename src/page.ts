/** Whether a browser asks. */
export const wantsHtml = (request: Request): boolean =>
  (request.headers.get("accept") ?? "").includes("text/html");

/** A small page. Texts are ours alone: nothing a caller sent is ever put into it. */
export const page = (
  title: string,
  body: string,
  status = 200,
  headers: Record<string, string> = {},
): Response =>
  new Response(
    `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>${title}</title><style>body{font:1rem/1.5 system-ui;max-width:36rem;margin:4rem auto;padding:0 1rem}</style>
<h1>${title}</h1><p>${body}</p></html>`,
    {
      status,
      headers: {
        ...headers,
        "content-type": "text/html; charset=utf-8",
        "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'",
        "cache-control": "no-store",
        "referrer-policy": "no-referrer",
      },
    },
  );
