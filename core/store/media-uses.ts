/** A row of `media_uses`: a job needs the bytes of a medium. */
export type UseRow = { media_id: string; client_id: string; job_id: string };

/** Note which jobs need which media, if they were taken. Repeatable. */
export const insert = (db: D1Database, uses: readonly UseRow[]): D1PreparedStatement =>
  db
    .prepare(
      `INSERT INTO media_uses (media_id, client_id, job_id)
       SELECT u.value ->> 'media_id', j.client_id, j.id FROM json_each(?) AS u
         JOIN jobs AS j ON j.client_id = u.value ->> 'client_id' AND j.id = u.value ->> 'job_id'
        WHERE true
           ON CONFLICT DO NOTHING`,
    )
    .bind(JSON.stringify(uses));

/** Which of these media some job still needs: one that has not ended, or one that sends it. */
export const needed = (
  db: D1Database,
  media: readonly { client_id: string; id: string }[],
): D1PreparedStatement =>
  db
    .prepare(
      `SELECT m.value ->> 'id' AS id FROM json_each(?) AS m
        WHERE EXISTS (SELECT 1 FROM media_uses AS u JOIN jobs AS j ON j.client_id = u.client_id AND j.id = u.job_id
                       WHERE u.media_id = m.value ->> 'id' AND u.client_id = m.value ->> 'client_id'
                         AND (j.open = 1 OR j.state = 'unknown'))
           OR EXISTS (SELECT 1 FROM jobs AS s WHERE s.lane >= 'media:' || (m.value ->> 'id') || ':'
                         AND s.lane < 'media:' || (m.value ->> 'id') || ';' AND s.open = 1)`,
    )
    .bind(JSON.stringify(media.map(({ client_id, id }) => ({ client_id, id }))));

/** Which of these files of subtitles a video names whose bytes are kept. Looks through their clients' uploads. */
export const named = (
  db: D1Database,
  subtitles: readonly { client_id: string; id: string }[],
): D1PreparedStatement =>
  db
    .prepare(
      `SELECT m.value ->> 'id' AS id FROM json_each(?) AS m
        WHERE EXISTS (SELECT 1 FROM uploads AS v WHERE v.client_id = m.value ->> 'client_id' AND v.cleared_at IS NULL
                         AND v.state <> 'failed' AND instr(v.metadata, m.value ->> 'id') > 0)`,
    )
    .bind(JSON.stringify(subtitles.map(({ client_id, id }) => ({ client_id, id }))));

/** Forget who needed a medium. */
export const remove = (db: D1Database, clientId: string, mediaId: string): D1PreparedStatement =>
  db.prepare("DELETE FROM media_uses WHERE media_id = ? AND client_id = ?").bind(mediaId, clientId);
