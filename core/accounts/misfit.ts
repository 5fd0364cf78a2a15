import type { Ring } from "#core/lib/seal";
import * as sealed from "#core/store/sealed";
import { sealedBy, type SealedRow, type SealingRing } from "#core/store/sealed";
import { placeOf } from "./reseal.ts";

/** The samples are looked for among so many rows at each end of a table. */
const AMONG = 100;

/**
 * Why a ring is not the one that sealed what stands in a database, as sentences; none when it is. Cheap, so that it can be
 * asked at every start: it opens what is sealed at both ends of each table, the eldest being what a key that was taken
 * out of the ring too early would have sealed. `reseal` is what looks at everything.
 */
export async function misfits(db: D1Database, sealing: SealingRing, ring: Ring): Promise<string[]> {
  const places = sealedBy(sealing).flatMap((table) =>
    (["oldest", "youngest"] as const).map((end) => ({ table, end })),
  );
  const samples = await db.batch<SealedRow>(
    places.map(({ table, end }) => sealed.sample(db, table, end, AMONG)),
  );
  const found = samples.flatMap(({ results: [row] }, index) => {
    const table = places[index]?.table;
    return row && table ? [{ sealed: row.sealed ?? "", place: placeOf(table, row) }] : [];
  });
  const sentences = new Set<string>();
  for (const { sealed, place } of found)
    await ring.open(sealed, place).catch((error: unknown) => {
      // Whoever wrote that into the ring knows.
      if (!ring.isLost(sealed)) sentences.add(error instanceof Error ? error.message : "It does not open");
    });
  return [...sentences];
}
