// The row that says which coordinator is the active one (CRD-2). Only PostgreSQL's clock counts.

import type pg from 'pg';

/** A holder that has not renewed for this long may be replaced. */
export const TERM_TIMEOUT_MS = 1_000;

/** How often the holder renews. */
export const TERM_RENEWAL_MS = 200;

/** Takes, renews and gives back the right to change the coordinator's tables. */
export class TermStore {
  readonly #pool: pg.Pool;
  readonly #holder: string;

  constructor(pool: pg.Pool, holder: string) {
    this.#pool = pool;
    this.#holder = holder;
  }

  /** Raises the term when its holder is silent; undefined while somebody renews it. */
  async take(): Promise<number | undefined> {
    const taken = await this.#pool.query<{ term: string }>(
      `UPDATE coordinator SET term = term + 1, holder = $1, renewed_at = clock_timestamp()
       WHERE renewed_at < clock_timestamp() - $2 * interval '1 millisecond'
       RETURNING term`,
      [this.#holder, TERM_TIMEOUT_MS],
    );
    const row = taken.rows[0];
    return row === undefined ? undefined : Number(row.term);
  }

  /** Who took the term last, as it named itself; empty before the first. */
  async findHolder(): Promise<string> {
    const found = await this.#pool.query<{ holder: string }>('SELECT holder FROM coordinator');
    return found.rows[0]?.holder ?? '';
  }

  /** False when a higher term has begun. */
  async renew(term: number): Promise<boolean> {
    const renewed = await this.#pool.query(
      'UPDATE coordinator SET renewed_at = clock_timestamp() WHERE term = $1',
      [term],
    );
    return renewed.rowCount === 1;
  }

  /** Lets the next coordinator in at once. */
  async giveBack(term: number): Promise<void> {
    await this.#pool.query(`UPDATE coordinator SET renewed_at = '-infinity' WHERE term = $1`, [
      term,
    ]);
  }
}
