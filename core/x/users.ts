import { z } from "zod";
import type { XClient } from "./client.ts";
import { endpoints } from "./endpoints.ts";
import { xId } from "./tweet-body.ts";

const user = z.object({ data: z.object({ id: xId, username: z.string().min(1), name: z.string() }) });

/** Whose token this is. Throws `Refusal`. */
export const me = (x: XClient): Promise<{ id: string; username: string; name: string }> =>
  x.call(endpoints.me, { expect: (json) => user.safeParse(json).data?.data });
