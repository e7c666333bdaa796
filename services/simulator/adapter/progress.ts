// Progress of long work on standard error: a bar that redraws itself in a terminal, a line now and
// then elsewhere, so that a log stays readable.

const BAR_WIDTH = 30;
const REDRAW_MS = 100;
const LINE_EVERY_MS = 10_000;

export class Progress {
  readonly #total: number;
  readonly #what: string;
  readonly #isTerminal = process.stderr.isTTY === true;
  readonly #startedMs = performance.now();
  #done = 0;
  #shownMs = performance.now();

  constructor(total: number, what: string) {
    this.#total = total;
    this.#what = what;
  }

  advance(count: number): void {
    this.#done += count;
    const nowMs = performance.now();
    if (nowMs - this.#shownMs < (this.#isTerminal ? REDRAW_MS : LINE_EVERY_MS)) return;
    this.#shownMs = nowMs;
    this.#show();
  }

  warn(text: string): void {
    process.stderr.write(this.#isTerminal ? `\r\u001b[K${text}\n` : `${text}\n`);
  }

  finish(): void {
    if (!this.#isTerminal) return;
    this.#show();
    process.stderr.write('\n');
  }

  #show(): void {
    const share = Math.min(1, this.#done / Math.max(1, this.#total));
    const perSecond = Math.round((this.#done * 1000) / (performance.now() - this.#startedMs));
    const percent = `${Math.floor(share * 100)} %`.padStart(5);
    const text = `${percent} ${this.#done} of ${this.#total} ${this.#what}, ${perSecond}/s`;
    if (!this.#isTerminal) {
      process.stderr.write(`${text}\n`);
      return;
    }
    const filled = Math.round(share * BAR_WIDTH);
    const bar = '#'.repeat(filled) + '.'.repeat(BAR_WIDTH - filled);
    process.stderr.write(`\r\u001b[K[${bar}] ${text}`);
  }
}
