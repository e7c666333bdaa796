// Words of a scenario's line, taken from the front, and what is said when they make no sense.

/** A mistake in a scenario: said in words, with the number of the line once that is known. */
export class ScenarioError extends Error {
  readonly lineNumber: number | undefined;

  constructor(text: string, lineNumber?: number) {
    super(lineNumber === undefined ? text : `line ${lineNumber}: ${text}`);
    this.name = 'ScenarioError';
    this.lineNumber = lineNumber;
  }
}

/** Stops reading with what is wrong. */
export function mistake(text: string): never {
  throw new ScenarioError(text);
}

const NUMBER = /^-?\d+(_\d+)*$/;

/** Words of a line, taken from the front. */
export class Words {
  readonly #words: string[];

  constructor(line: string) {
    this.#words = line.split(/\s+/).filter((word) => word !== '');
  }

  get isEmpty(): boolean {
    return this.#words.length === 0;
  }

  /** @param what is expected here, for the one who forgot it */
  next(what: string): string {
    return this.#words.shift() ?? mistake(`the line ends where ${what} is expected`);
  }

  number(what: string): number {
    const word = this.next(what);
    const number = NUMBER.test(word) ? Number(word.replaceAll('_', '')) : Number.NaN;
    if (!Number.isSafeInteger(number)) mistake(`${what} is a whole number, not "${word}"`);
    return number;
  }

  amount(what: string): bigint {
    const word = this.next(what);
    if (!NUMBER.test(word)) mistake(`${what} is a whole number, not "${word}"`);
    return BigInt(word.replaceAll('_', ''));
  }

  /** Seconds, with a point if need be, as microseconds. */
  seconds(what: string): number {
    const word = this.next(what);
    if (!/^\d+(\.\d{1,6})?$/.test(word)) mistake(`${what} is a number of seconds, not "${word}"`);
    const timeUs = Math.round(Number(word) * 1_000_000);
    return Number.isSafeInteger(timeUs) ? timeUs : mistake(`${what} is too far away: "${word}"`);
  }

  /** One of these, whatever its case and with `-` for `_`. */
  oneOf<T extends string>(names: readonly T[], what: string): T {
    const word = this.next(what);
    const name = names.find((one) => one === word.toUpperCase().replaceAll('-', '_'));
    return name ?? mistake(`${what} is one of ${names.join(', ')}, not "${word}"`);
  }

  /** Takes the word when it is the next one. */
  takes(word: string): boolean {
    if (this.#words[0] !== word) return false;
    this.#words.shift();
    return true;
  }

  /** Whether the next word is a number; it stays. */
  get isNumberNext(): boolean {
    return NUMBER.test(this.#words[0] ?? '');
  }

  /** Everything that is left, as one text. */
  rest(): string {
    return this.#words.splice(0).join(' ');
  }

  /** All must have been read. */
  end(): void {
    if (!this.isEmpty) mistake(`"${this.#words[0]}" is not understood here`);
  }
}
