// One connection to the database of a log: opened when needed, checked for what it promises
// (LOG-9), given up at the first doubt. Every statement has a time-out on both sides (LOG-13).

import pg from 'pg';
import { type CopiedRow, CopyQuery } from './copy-rows.ts';
import { LogNotDurable, LogUnreachable } from './world.ts';

export type SessionOptions = {
  readonly databaseUrl: string;
  /** How the session shows in `pg_stat_activity`. */
  readonly name: string;
  /** The cluster must have a synchronous replica. */
  readonly requireReplica: boolean;
  /** The server gives up a statement after this time. */
  readonly timeoutMs: number;
};

/** A prepared statement. */
export type Statement = {
  readonly name: string;
  readonly text: string;
};

const CONNECT_TIMEOUT_MS = 2_000;
/** This side gives up later than the server, so that its answer, if there is one, is heard. */
const ANSWER_MARGIN_MS = 500;

type Asked = { readonly sinceMs: number; readonly reject: (error: Error) => void };

export class PostgresSession {
  #options: SessionOptions;
  #running = 0;
  /** What waits for its answer, the oldest first. */
  readonly #asked = new Set<Asked>();
  #watchdog: NodeJS.Timeout | undefined;
  #client: Promise<pg.Client> | undefined;
  #warned: string | undefined;
  #closed = false;

  constructor(options: SessionOptions) {
    this.#options = options;
  }

  /** True when no statement runs. */
  get isIdle(): boolean {
    return this.#running === 0;
  }

  /** Shows under another name from here on. */
  rename(name: string): void {
    this.#options = { ...this.#options, name };
    const client = this.#client;
    const text = "SELECT set_config('application_name', $1, false)";
    // The statements of a connection run in the order in which they are asked for.
    client
      ?.then((connected) => connected.query(text, [name]))
      .catch(() => {
        if (this.#client === client) this.drop();
      });
  }

  /**
   * Runs a statement and returns its rows as arrays, integers as numbers and bytes as buffers.
   *
   * @throws LogUnreachable when the answer is not heard or not certain, LogNotDurable.
   */
  async query(
    statement: Statement,
    values: readonly unknown[],
  ): Promise<{ readonly rows: readonly unknown[][]; readonly changedRows: number }> {
    this.#running += 1;
    try {
      const client = await this.#connected();
      const result = await this.#ask(client, statement, values);
      if (this.#warned !== undefined) throw new LogUnreachable(this.#warned);
      return { rows: result.rows, changedRows: result.rowCount ?? 0 };
    } catch (error) {
      this.drop();
      throw asLogError(error);
    } finally {
      this.#running -= 1;
    }
  }

  #ask(
    client: pg.Client,
    { name, text }: Statement,
    values: readonly unknown[],
  ): Promise<pg.QueryArrayResult> {
    const shape = { rowMode: 'array', types: COLUMN_TYPES } as const;
    return new Promise((resolve, reject) => {
      const asked = { sinceMs: performance.now(), reject };
      this.#asked.add(asked);
      this.#watch(this.#answerTimeoutMs);
      client.query({ name, text, values: values as unknown[], ...shape }, (error, result) => {
        this.#asked.delete(asked);
        if (error === null || error === undefined) resolve(result);
        else reject(error);
      });
    });
  }

  /** One timer for all that was asked: an append a millisecond would start and stop one each. */
  #watch(delayMs: number): void {
    this.#watchdog ??= setTimeout(() => {
      this.#watchdog = undefined;
      const timeoutMs = this.#answerTimeoutMs;
      const nowMs = performance.now();
      for (const asked of this.#asked) {
        const leftMs = asked.sinceMs + timeoutMs - nowMs;
        if (leftMs > 0) {
          this.#watch(Math.ceil(leftMs));
          return;
        }
        this.#asked.delete(asked);
        asked.reject(unheard(timeoutMs));
      }
    }, delayMs).unref();
  }

  /**
   * Reads rows by a query without parameters, columns in their binary form.
   *
   * @throws LogUnreachable, LogNotDurable.
   */
  async copy(select: string): Promise<readonly CopiedRow[]> {
    const client = await this.#connected();
    try {
      const { rows } = client.query(new CopyQuery(select));
      const copied = await withTimeout(rows, this.#answerTimeoutMs);
      if (this.#warned !== undefined) throw new LogUnreachable(this.#warned);
      return copied;
    } catch (error) {
      this.drop();
      throw asLogError(error);
    }
  }

  /** Gives the connection up; the next statement opens another. */
  drop(): void {
    const client = this.#client;
    this.#client = undefined;
    client?.then(destroy, () => {});
  }

  /** Ends the connection politely, and for good. */
  async close(): Promise<void> {
    this.#closed = true;
    const client = await this.#client?.catch(() => undefined);
    this.#client = undefined;
    if (client === undefined) return;
    await withTimeout(client.end(), this.#answerTimeoutMs).catch(() => destroy(client));
  }

  /** @throws LogNotDurable when the database does not promise durability (LOG-9). */
  async checkDurability(): Promise<void> {
    const client = await this.#connected();
    try {
      await this.#check(client);
    } catch (error) {
      this.drop();
      throw asLogError(error);
    }
  }

  get #answerTimeoutMs(): number {
    return this.#options.timeoutMs + ANSWER_MARGIN_MS;
  }

  #connected(): Promise<pg.Client> {
    if (this.#closed) return Promise.reject(new LogUnreachable('the session is closed'));
    if (this.#client !== undefined) return this.#client;
    const connecting: Promise<pg.Client> = this.#connect(() => {
      if (this.#client === connecting) this.#client = undefined;
    });
    this.#client = connecting;
    return connecting;
  }

  /** @param forget is called when the connection is of no use any more */
  async #connect(forget: () => void): Promise<pg.Client> {
    const client = new pg.Client({
      connectionString: this.#options.databaseUrl,
      application_name: this.#options.name,
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      statement_timeout: this.#options.timeoutMs,
      keepAlive: true,
    });
    this.#warned = undefined;
    client.on('error', forget);
    client.on('end', forget);
    // A commit whose wait for a replica was cut short is reported as done, with a warning only.
    client.on('notice', (notice) => {
      if (notice.severity === 'WARNING') this.#warned = notice.message ?? 'a warning';
    });
    try {
      await client.connect();
      await withTimeout(client.query('SET enable_seqscan = off'), this.#answerTimeoutMs);
      await this.#check(client);
      return client;
    } catch (error) {
      forget();
      destroy(client);
      throw asLogError(error);
    }
  }

  async #check(client: pg.Client): Promise<void> {
    const result = await withTimeout(
      client.query(
        `SELECT pg_is_in_recovery() AS standby,
                current_setting('fsync') AS fsync,
                current_setting('synchronous_commit') AS commit,
                current_setting('synchronous_standby_names') AS replicas`,
      ),
      this.#answerTimeoutMs,
    );
    const { standby, fsync, commit, replicas } = result.rows[0];
    // Not LogNotDurable: the primary may just be about to answer under this address.
    if (standby) throw new LogUnreachable('the database is a standby, not the primary');
    if (fsync !== 'on') throw new LogNotDurable(`the database has fsync = ${fsync}`);
    if (commit !== 'on' && commit !== 'remote_apply') {
      throw new LogNotDurable(`the database has synchronous_commit = ${commit}`);
    }
    if (this.#options.requireReplica && replicas === '') {
      throw new LogNotDurable('the database has no synchronous_standby_names');
    }
  }
}

function destroy(client: pg.Client): void {
  // `end` would wait for a peer that may never answer.
  (
    client as unknown as { connection: { stream: { destroy(): void } } }
  ).connection.stream.destroy();
}

async function withTimeout<T>(answer: Promise<T>, timeoutMs: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const tooLate = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(unheard(timeoutMs)), timeoutMs);
  });
  try {
    return await Promise.race([answer, tooLate]);
  } finally {
    clearTimeout(timer);
  }
}

function unheard(timeoutMs: number): LogUnreachable {
  return new LogUnreachable(`the database did not answer in ${timeoutMs} ms`);
}

function asLogError(error: unknown): Error {
  if (error instanceof LogUnreachable || error instanceof LogNotDurable) return error;
  if (error instanceof TypeError || error instanceof RangeError) return error; // a bug of ours
  const cause = error as Error;
  return new LogUnreachable(`the database cannot be used: ${cause.message}`, { cause });
}

const OID_BYTEA = 17;
const OID_INT8 = 20;
const OID_INT4 = 23;

/** Readers of columns; `pg` gets them as text. Integers of the log stay below 2^53. */
const COLUMN_TYPES = {
  getTypeParser(oid: number): (value: string) => unknown {
    switch (oid) {
      case OID_BYTEA:
        return (value) => Buffer.from(value.slice(2), 'hex');
      case OID_INT8:
      case OID_INT4:
        return Number;
      default:
        return (value) => value;
    }
  },
};
