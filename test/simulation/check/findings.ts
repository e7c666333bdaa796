// What a run has found to be wrong. The first finding ends the run: what follows from it says
// nothing new.

export type Finding = {
  /** Id of the rule that does not hold. */
  readonly rule: string;
  readonly message: string;
  /** Virtual time, microseconds since the run began. */
  readonly atUs: number;
};

export class Findings {
  readonly list: Finding[] = [];
  readonly #nowUs: () => number;
  readonly #note: (line: string) => void;

  constructor(nowUs: () => number, note: (line: string) => void) {
    this.#nowUs = nowUs;
    this.#note = note;
  }

  add(rule: string, message: string): void {
    const atUs = this.#nowUs();
    this.list.push({ rule, message, atUs });
    this.#note(`FINDING ${rule}: ${message}`);
  }

  get any(): boolean {
    return this.list.length > 0;
  }
}
