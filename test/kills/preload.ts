// Loaded into every process of the mesh before its own program (`--import`): notes each step that
// the process passes, and at the one that is planned kills a process, itself or another, before
// it does anything else.

import { subscribe } from 'node:diagnostics_channel';
import { appendFileSync, existsSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { type PassedStep, STEP_CHANNEL } from '../../services/lib/platform/steps.ts';
import { FIRED, FOLDER_VARIABLE, PASSED, PLAN, type Plan } from './plan.ts';

const folder = process.env[FOLDER_VARIABLE] ?? '';
const planFile = join(folder, PLAN);

subscribe(STEP_CHANNEL, (message) => {
  const { step, subject } = message as PassedStep;
  const name = `${step} ${subject}`;
  appendFileSync(join(folder, PASSED), `${name}\n`);
  if (!existsSync(planFile)) return;
  const plan = JSON.parse(readFileSync(planFile, 'utf8')) as Plan;
  if (plan.step !== name && plan.step !== step) return;
  try {
    renameSync(planFile, join(folder, FIRED));
  } catch {
    return; // another process was there first
  }
  process.kill(plan.pid, 'SIGKILL');
});
