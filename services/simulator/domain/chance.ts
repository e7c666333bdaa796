// Chance that can be had again: the same seed and stream give the same numbers.

/** A generator of 32-bit numbers: sfc32 by Chris Doty-Humphrey (PractRand). */
export class Chance {
  #a: number;
  #b: number;
  #c = 1;
  #counter = 1;

  /**
   * @param seed any whole number; what a person gives
   * @param stream tells apart those who share a seed, so that one does not disturb another
   */
  constructor(seed: number, stream: number) {
    this.#a = seed | 0;
    this.#b = stream | 0;
    for (let i = 0; i < 12; i += 1) this.#next(); // until every bit depends on the seed
  }

  /** A whole number from `least` to `most`, both included; their distance is below 2^32. */
  between(least: number, most: number): number {
    return least + (this.#next() % (most - least + 1));
  }

  /** True in `percent` of a hundred cases. */
  happens(percent: number): boolean {
    return this.between(1, 100) <= percent;
  }

  #next(): number {
    const sum = (this.#a + this.#b + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = ((this.#c << 21) | (this.#c >>> 11)) + sum;
    return sum >>> 0;
  }
}
