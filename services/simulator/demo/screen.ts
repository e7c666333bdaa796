// Where the picture goes: redrawn in place in a terminal, as plain lines anywhere else.

import { drawFrame, drawLine, type Picture } from './frame.ts';

const ESCAPE = String.fromCharCode(27);
const HIDE_CURSOR = `${ESCAPE}[?25l`;
const SHOW_CURSOR = `${ESCAPE}[?25h`;
const CLEAR_LINE = `${ESCAPE}[K`;
const CLEAR_BELOW = `${ESCAPE}[J`;

const REDRAW_MS = 200;
const LINE_MS = 1_000;
/** Lines between two whole pictures where nothing is redrawn. */
const LINES_PER_FRAME = 15;

export type Screen = {
  /** How often there should be a new picture. */
  readonly intervalMs: number;
  show(picture: Picture): void;
  /** The last picture, whole, and the terminal as it was. */
  finish(picture: Picture): void;
};

type Out = NodeJS.WriteStream;

/** A terminal is redrawn; a file or pipe gets lines. NO_COLOR (no-color.org) is followed. */
export function openScreen(out: Out = process.stdout, env = process.env): Screen {
  if (out.isTTY !== true || env['TERM'] === 'dumb') return plainScreen(out);
  return redrawnScreen(out, (env['NO_COLOR'] ?? '') === '');
}

function plainScreen(out: Out): Screen {
  let count = 0;
  const write = (lines: readonly string[]): void => {
    out.write(`${lines.join('\n')}\n`);
  };
  return {
    intervalMs: LINE_MS,
    show(picture) {
      count += 1;
      if (count % LINES_PER_FRAME !== 0) write([drawLine(picture)]);
      else write(['', ...drawFrame(picture, false), '']);
    },
    finish(picture) {
      write(['', ...drawFrame(picture, false)]);
    },
  };
}

function redrawnScreen(out: Out, isColored: boolean): Screen {
  let height = 0;
  const draw = (picture: Picture): void => {
    // A picture higher than the terminal could not be gone back over; 0 rows: it does not say.
    const most = out.rows > 1 ? out.rows - 1 : undefined;
    const lines = drawFrame(picture, isColored).slice(0, most);
    const back = height === 0 ? HIDE_CURSOR : `${ESCAPE}[${height}A`;
    out.write(`${back}${lines.map((line) => `${line}${CLEAR_LINE}\n`).join('')}${CLEAR_BELOW}`);
    height = lines.length;
  };
  return {
    intervalMs: REDRAW_MS,
    show: draw,
    finish(picture) {
      draw(picture);
      out.write(SHOW_CURSOR);
    },
  };
}
