import { z } from "zod";
import { isId } from "#core/lib/ids";

/** A medium that was uploaded here. */
export const mediaId = z
  .string()
  .refine((text) => isId("med", text), "Not a medium's id (med_…)")
  .describe("The medium, as uploaded here.");
