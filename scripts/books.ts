import { ask } from "./api.ts";

/** A tweet in the books of the simulated X. */
export type Posted = {
  id: string;
  user_id: string;
  /** As it was posted. */
  text: string;
  /** Epoch ms. */
  created_at: number;
  deleted: boolean;
};

/** Every tweet that the simulator ever took, in the order of posting. */
export async function readBooks(simulatorUrl: string): Promise<Posted[]> {
  const tweets: Posted[] = [];
  for (let cursor: number | string | null = 0; cursor !== null;) {
    const page: { tweets: Posted[]; next_cursor: number | string | null } = await ask(
      `${simulatorUrl}/_sim/tweets?limit=1000&cursor=${cursor}`,
    );
    tweets.push(...page.tweets);
    cursor = page.next_cursor;
  }
  return tweets;
}
