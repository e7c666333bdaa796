// What this process costs, read whenever someone collects: processor time and memory, by kind.

import { memoryUsage, resourceUsage } from 'node:process';
import { observeMetric } from './metrics.ts';
import { ATTRIBUTES, METRICS } from './names.ts';

const US_PER_SECOND = 1e6;
const KINDS = ['rss', 'heapTotal', 'heapUsed', 'external', 'arrayBuffers'] as const;

/** Lets gauges show the process's use of the machine; answers what ends it. */
export function observeProcess(): () => void {
  const stops = [
    observeMetric(METRICS.processorTime, () => {
      const { userCPUTime, systemCPUTime } = resourceUsage();
      return [[(userCPUTime + systemCPUTime) / US_PER_SECOND, {}]];
    }),
    observeMetric(METRICS.memoryUsage, () => {
      const usage = memoryUsage();
      return KINDS.map((kind) => [usage[kind], { [ATTRIBUTES.memoryKind]: kind }] as const);
    }),
  ];
  return () => {
    for (const stop of stops) stop();
  };
}
