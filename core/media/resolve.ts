import { awaitMedium, fail, type Outcome } from "#core/lib/outcome";
import { Problem, type ProblemBody } from "#core/lib/problem";
import { isId } from "#core/lib/ids";
import type { BoundRow } from "#core/store/media-bindings";
import type { UploadRow } from "#core/store/uploads";

/** What is known of a medium, for one account. */
export type Known = { upload: UploadRow | null; bound: BoundRow | null };

/** The media of a tweet as X calls them, or why it cannot be posted yet, or never. */
export type Resolved = { x_ids: string[] } | { outcome: Outcome };

/** One that X forgets sooner is not used any more: the call that uses it takes its time. */
const MARGIN_MS = 120_000;

export const isMedium = (id: string): boolean => isId("med", id);

/** The media of a tweet by the ids that its client gave: ours, or X's own, which are taken as they are. */
export async function resolve(
  ids: readonly string[],
  find: (ids: string[]) => Promise<Map<string, Known>>,
  now: number,
): Promise<Resolved> {
  const ours = ids.filter(isMedium);
  const known = ours.length === 0 ? new Map<string, Known>() : await find(ours);
  const x_ids: string[] = [];
  for (const id of ids) {
    const one = known.get(id) ?? { upload: null, bound: null };
    const x_id = isMedium(id) ? readyId(one, now) : id;
    if (x_id === null) return { outcome: unready(id, one, now) };
    x_ids.push(x_id);
  }
  return { x_ids };
}

/** What X calls a medium that it has and keeps long enough. */
export const readyId = ({ bound }: Known, now: number, margin_ms = MARGIN_MS): string | null =>
  bound?.x_media_id != null && (bound.x_expires_at ?? 0) > now + margin_ms ? bound.x_media_id : null;

function unready(id: string, { upload, bound }: Known, now: number): Outcome {
  if (bound?.open === 1) return awaitMedium(id, null);
  if (!upload) return fail(new Problem("media_gone", { detail: `There is no ${id}` }));
  if (upload.error !== null) return failed(id, upload.error);
  if (bound?.state === "failed" || bound?.state === "dead") return failed(id, bound.error);
  if (upload.state === "receiving" && upload.expires_at > now) return awaitMedium(id, null);
  if (upload.state === "receiving" || upload.cleared_at !== null)
    return fail(new Problem("media_gone", { detail: `The bytes of ${id} are gone` }));
  return awaitMedium(id, { after: bound?.job_id ?? null });
}

/** X's words for a medium are those for what carries it. */
function failed(id: string, error: string | null): Outcome {
  const body = error === null ? null : (JSON.parse(error) as ProblemBody);
  return fail(
    new Problem("media_failed", {
      detail: `${id}: ${body?.detail ?? "it could not be sent to X"}`,
      ...(body?.upstream && { upstream: body.upstream }),
    }),
  );
}
