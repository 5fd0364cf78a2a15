import { z } from "zod";
import { defineJob, type Kind } from "#core/jobs/define";
import { kinds } from "#core/jobs/kinds/index";
import { createKinds, type Kinds } from "#core/jobs/registry";

/** What an account allows that may do everything. */
export const ALL_SCOPES = [...new Set<string>([...kinds.flatMap(({ scopes }) => scopes), "offline.access"])];

/** A kind whose run is written by the test. */
export const scriptedKind = (facts: Partial<Kind> & Pick<Kind, "run">): Kind =>
  defineJob({
    name: "test.scripted",
    queue: "tweets",
    lane: "tests",
    part: "tweets",
    token: true,
    endpoint: "POST /2/tweets",
    ordered: true,
    scopes: [],
    params: z.object({ account_id: z.string() }),
    example: { account_id: "acc_01KAB3C4D5V1StGXR8Z5jd0" },
    backoff: { attempts: 3, base_s: 10, cap_s: 900 },
    repeatable: true,
    ...facts,
  });

/** The real kinds and some more. */
export const withKinds = (...more: Kind[]): Kinds => createKinds([...kinds, ...more]);
