// What a hosted shard shows of itself: metrics of every entry, spans of the commands that are
// traced.

import type { ShardHost } from '../../shard/host.ts';
import type { CommitReport, HostObserver, TracedCommand } from '../../shard/observer.ts';
import { passCommitted, passStep } from '../steps.ts';
import { addToMetric, observeMetric, recordMetric } from '../telemetry/metrics.ts';
import { ATTRIBUTES, METRICS, SPANS } from '../telemetry/names.ts';
import { startSpan } from '../telemetry/spans.ts';
import { contextOfTraceparent } from '../telemetry/trace-context.ts';

const US_PER_SECOND = 1e6;
const SAMPLED = /-[0-9a-f]?[13579bdf]$/;

type AnyHost = Pick<ShardHost<never, never, never>, 'state' | 'queueDepth' | 'standby'>;

/** The observer of a shard, and what watches its gauges until the returned function is called. */
export function observeShard<E, A>(
  shardId: string,
  nameOf: (event: E) => string,
): { readonly observer: HostObserver<E, A>; readonly watch: (host: AnyHost) => () => void } {
  const attributes = { [ATTRIBUTES.shardId]: shardId };
  const commandAttributes = new Map<string, Record<string, string>>();
  const attributesOf = (kind: string) => {
    let found = commandAttributes.get(kind);
    if (found === undefined) {
      found = { ...attributes, [ATTRIBUTES.commandKind]: kind };
      commandAttributes.set(kind, found);
    }
    return found;
  };
  const observer: HostObserver<E, A> = {
    onStep: passStep,
    isTraced: (traceContext) => SAMPLED.test(traceContext),
    onCommit(report) {
      const { entry } = report;
      passCommitted(entry.commands);
      const appendSeconds = (report.appendEndUs - report.appendStartUs) / US_PER_SECOND;
      recordMetric(METRICS.appendDuration, appendSeconds, attributes);
      const commitSeconds = Math.max(0, report.appendEndUs - entry.logTimeUs) / US_PER_SECOND;
      recordMetric(METRICS.commitLag, commitSeconds, attributes);
      recordMetric(METRICS.applyDuration, report.applyDurationUs / US_PER_SECOND, attributes);
      recordMetric(METRICS.entryBytes, entry.storedBytes, attributes);
      recordMetric(METRICS.entryCommands, entry.commands.length, attributes);
      countCommands(report, (kind, count) => {
        addToMetric(METRICS.commands, count, attributesOf(kind));
      });
      for (const traced of report.traced) recordSpans(shardId, report, traced);
    },
    onStandbyApplied(_commandCount, behindUs) {
      recordMetric(METRICS.standbyLag, behindUs / US_PER_SECOND, attributes);
    },
    onRefused(reason, count) {
      addToMetric(METRICS.rejections, count, { ...attributes, [ATTRIBUTES.reason]: reason });
    },
  };

  function countCommands(
    { entry }: CommitReport<E, A>,
    add: (kind: string, count: number) => void,
  ): void {
    const counts = new Map<string, number>();
    for (const { events, outcome } of entry.commands) {
      const [first] = events;
      const kind = outcome.kind === 'refused' || first === undefined ? outcome.kind : nameOf(first);
      counts.set(kind, (counts.get(kind) ?? 0) + 1);
    }
    for (const [kind, count] of counts) add(kind, count);
  }

  return { observer, watch: (host) => watchGauges(host, attributes) };
}

function watchGauges(host: AnyHost, attributes: Record<string, string>): () => void {
  const stops = [
    observeMetric(METRICS.shardLeads, () => [[host.state.kind === 'leading' ? 1 : 0, attributes]]),
    observeMetric(METRICS.shardEpoch, () =>
      'epoch' in host.state ? [[host.state.epoch, attributes]] : [],
    ),
    observeMetric(METRICS.standbyBehind, () => {
      const lagMs = host.standby?.lagMs;
      return lagMs === undefined ? [] : [[lagMs / 1_000, attributes]];
    }),
    observeMetric(METRICS.queueDepth, () =>
      Object.entries(host.queueDepth ?? {}).map(
        ([queue, depth]) => [depth, { ...attributes, [ATTRIBUTES.queue]: queue }] as const,
      ),
    ),
  ];
  return () => {
    for (const stop of stops) stop();
  };
}

/** The command's way through the shard: applied, then appended with its entry. */
function recordSpans<E, A>(
  shardId: string,
  { entry, appendStartUs, appendEndUs }: CommitReport<E, A>,
  traced: TracedCommand,
): void {
  const parent = contextOfTraceparent(traced.traceContext);
  const attributes = {
    [ATTRIBUTES.shardId]: shardId,
    [ATTRIBUTES.epoch]: entry.epoch,
    [ATTRIBUTES.entryIndex]: entry.entryIndex,
  };
  const apply = startSpan(SPANS.apply, {
    parent,
    attributes,
    startTimeMs: traced.applyStartUs / 1_000,
  });
  apply.end(traced.applyEndUs / 1_000);
  const append = startSpan(SPANS.append, {
    parent,
    attributes: {
      ...attributes,
      [ATTRIBUTES.entryBytes]: entry.storedBytes,
      [ATTRIBUTES.commandCount]: entry.commands.length,
      [ATTRIBUTES.eventCount]: entry.eventCount,
    },
    startTimeMs: appendStartUs / 1_000,
  });
  append.end(appendEndUs / 1_000);
}
