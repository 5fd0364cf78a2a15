/** One call as the books show it; status 0 is a dropped connection. No tokens, no bodies. */
export type CallEntry = { method: string; path: string; status: number; user_id: string | null; at: number };

const kept = 1_000;

/** The book of calls: counts of all, and the last thousand. */
export class Calls {
  #counts = new Map<string, Map<number, number>>();
  #last: CallEntry[] = [];
  #total = 0;

  /** Note a call under its route's template, such as `DELETE /2/tweets/:id`. */
  note(template: string, entry: CallEntry): void {
    let statuses = this.#counts.get(template);
    if (!statuses) this.#counts.set(template, (statuses = new Map<number, number>()));
    statuses.set(entry.status, (statuses.get(entry.status) ?? 0) + 1);
    this.#last[this.#total % kept] = entry;
    this.#total += 1;
  }

  /** Counts by route and status, and the last calls, oldest first. */
  show(): { total: number; counts: Record<string, Record<string, number>>; last: CallEntry[] } {
    const counts = Object.fromEntries([...this.#counts].map(([name, by]) => [name, Object.fromEntries(by)]));
    const from = this.#total % kept;
    const last =
      this.#total <= kept ? [...this.#last] : [...this.#last.slice(from), ...this.#last.slice(0, from)];
    return { total: this.#total, counts, last };
  }

  /** Begin anew. */
  clear(): void {
    this.#counts.clear();
    this.#last = [];
    this.#total = 0;
  }
}
