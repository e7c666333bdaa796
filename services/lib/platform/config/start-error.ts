// A reason not to start, said in one sentence to the person at the terminal.

/**
 * Thrown while a process starts, when a person can do something about it: a port in use, a folder
 * that cannot be written, a database that does not answer. `main.ts` prints the message without a
 * stack and exits with code 1.
 */
export class StartError extends Error {
  override readonly name = 'StartError';
}
