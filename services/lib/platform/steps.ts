// Named moments of a request's way through the mesh, for whoever watches a process from within: a
// test that ends it exactly there. They are published on a diagnostics channel; while nobody
// subscribes to it, a step costs a look at a flag.

import { channel } from 'node:diagnostics_channel';

/** The channel; its messages are `PassedStep`s, published while the step is being taken. */
export const STEP_CHANNEL = 'bourse:step';

/**
 * `read`: a call was read, by its method. `room`: room at the book is reserved. `proposed`: the
 * command goes out to its shard. `arrived`: the leader has it in its queue. `applied`: it stands
 * in an entry that is not in the log yet. `committed`: the event is in the log and nobody outside
 * knows of it. `followed`: settlement has read events of another shard. `replied`: the call's
 * answer goes out.
 */
export type Step =
  | 'read'
  | 'room'
  | 'proposed'
  | 'arrived'
  | 'applied'
  | 'committed'
  | 'followed'
  | 'replied';

export type PassedStep = {
  readonly step: Step;
  /** The method, the kind of command or event, the shard that is followed. */
  readonly subject: string;
};

const steps = channel(STEP_CHANNEL);

/** Says that a step was taken. @param subject its name, or what has a `kind` or a `case` */
export function passStep(step: Step, subject: unknown): void {
  if (steps.hasSubscribers) steps.publish({ step, subject: nameOf(subject) } satisfies PassedStep);
}

/** Says that events were committed, each by its kind. */
export function passCommitted(commands: Iterable<{ readonly events: readonly unknown[] }>): void {
  if (!steps.hasSubscribers) return;
  for (const { events } of commands) for (const event of events) passStep('committed', event);
}

function nameOf(subject: unknown): string {
  if (typeof subject !== 'object' || subject === null) return String(subject);
  const named: { readonly kind?: unknown; readonly case?: unknown } = subject;
  return String(named.kind ?? named.case);
}
