import { z } from "zod";
import { isId } from "#core/lib/ids";

/** The account a job acts for. Whether it is the caller's is found out when the job is written. */
export const accountId = z
  .string()
  .refine((text) => isId("acc", text), "Not an account id (acc_…)")
  .describe("The connected account to act for.");
