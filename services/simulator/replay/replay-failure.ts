// What ends a replay that could not be measured: its message is one sentence for a person.

export class ReplayFailure extends Error {
  override readonly name = 'ReplayFailure';
}
