// What a test and the processes of its mesh tell each other, as files in one folder.

import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Names the folder in the environment of the processes. */
export const FOLDER_VARIABLE = 'KILLS_FOLDER';

/** Every step that any process has passed, one on a line. */
export const PASSED = 'passed';
/** The next kill, while it is awaited. */
export const PLAN = 'plan';
/** The last kill, once it was done. */
export const FIRED = 'fired';

/** At which step, with its subject or without, which process is killed. */
export type Plan = { readonly step: string; readonly pid: number };

/** The folder, as a test sees it. */
export class KillFolder {
  readonly #folder = mkdtempSync(join(tmpdir(), 'bourse-kills-'));

  constructor() {
    this.forget();
  }

  /** What a mesh is started with so that its processes heed the folder. */
  meshOptions({ hasStandbys }: { readonly hasStandbys: boolean }) {
    const preload = fileURLToPath(new URL('./preload.ts', import.meta.url));
    const standbys = { BOURSE_REPLICAS: '2', BOURSE_ACCOUNT_NODES: '2' };
    const env = { [FOLDER_VARIABLE]: this.#folder, ...(hasStandbys ? standbys : {}) };
    return { execArgv: ['--import', preload], env };
  }

  /** Plans a kill; what was passed before is forgotten. */
  plan(plan: Plan): void {
    this.forget();
    rmSync(this.#path(FIRED), { force: true });
    writeFileSync(this.#path('new'), JSON.stringify(plan));
    renameSync(this.#path('new'), this.#path(PLAN));
  }

  /** Plans nothing any more. */
  cancel(): void {
    rmSync(this.#path(PLAN), { force: true });
  }

  get hasFired(): boolean {
    return existsSync(this.#path(FIRED));
  }

  forget(): void {
    writeFileSync(this.#path(PASSED), '');
  }

  /** The steps that were passed since `forget`. */
  passed(): readonly string[] {
    return readFileSync(this.#path(PASSED), 'utf8').split('\n').slice(0, -1);
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #path(name: string): string {
    return join(this.#folder, name);
  }
}
