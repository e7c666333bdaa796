// What the person at the terminal reads: progress, warnings, the table at the end.

export type Step = {
  /** Ends the step's line: what there is now. */
  done(result: string): void;
};

export type Terminal = {
  say(line: string): void;
  warn(line: string): void;
  /** Times a step; its line is written when it is done. */
  begin(name: string): Step;
  /** Says how long the start took, and what there is now. */
  showReady(endpoints: string): void;
};

const NAME_WIDTH = 14;

/** Plain lines, one per event: readable on any terminal, without colour, and in a file. */
export function openTerminal(out: NodeJS.WritableStream = process.stdout): Terminal {
  const write = (line: string) => out.write(`${line}\n`);
  const startMs = performance.now();
  const since = (fromMs: number) => `${((performance.now() - fromMs) / 1000).toFixed(1)} s`;
  return {
    say: (line) => write(`  ${line}`),
    warn: (line) => write(`  warning: ${line}`),
    begin(name) {
      const fromMs = performance.now();
      return {
        done: (result) => write(`  ${name.padEnd(NAME_WIDTH)} ${result} (${since(fromMs)})`),
      };
    },
    showReady: (endpoints) => write(`\nReady after ${since(startMs)}.\n\n${endpoints}`),
  };
}
