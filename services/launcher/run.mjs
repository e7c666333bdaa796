// Runs a program of this repository under a Node that is new enough, installing first if needed.
//
//     node services/launcher/run.mjs [node options] FILE [arguments]
//
// Every npm script starts here, so that a fresh clone works with git, Node 20 or newer and npm.
// Plain JavaScript for Node 20: it runs before anything is installed. It relies on no install
// script and no pre-hook, works offline once it has installed, and may run twice at once. The
// scripts say `exec`, so that no shell stands between npm and us: one that gets a Ctrl-C ends by
// it, and makes npm fail although we end well.

import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const MODULES = join(ROOT, 'node_modules');
const LOCK_FILE = join(ROOT, 'package-lock.json');
/** What was installed last: a checksum of the lock file. Goes with the folder it describes. */
const STAMP = join(MODULES, '.bourse-installed');
const COMPILE_CACHE = join(ROOT, '.bourse', 'compile-cache');
const OLDEST_NODE = 24;
const PLATFORM = `${process.platform}-${process.arch}`;

class Refusal extends Error {}

try {
  await installOnce();
  run(findNode(), process.argv.slice(2));
} catch (error) {
  if (!(error instanceof Refusal)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}

/** Installs what the lock file says, unless that is what is there. */
async function installOnce() {
  if (isInstalled()) return;
  const release = await takeLock(join(ROOT, '.bourse'), 'install.lock');
  try {
    if (isInstalled()) return; // by the one who held the lock
    const startMs = Date.now();
    process.stderr.write('Installing dependencies, once; this may take a minute ...\n');
    await install();
    writeFileSync(STAMP, checksum());
    process.stderr.write(`Installed in ${Math.round((Date.now() - startMs) / 1000)} s.\n`);
  } finally {
    release();
  }
}

function checksum() {
  return createHash('sha256').update(readFileSync(LOCK_FILE)).update(PLATFORM).digest('hex');
}

function isInstalled() {
  try {
    if (readFileSync(STAMP, 'utf8') === checksum()) return true;
  } catch {
    // No stamp: someone may have installed by hand.
  }
  if (!isInstalledByHand()) return false;
  try {
    writeFileSync(STAMP, checksum());
  } catch {
    // A folder that cannot be written is compared each time.
  }
  return true;
}

/** Compares npm's record of `node_modules`, written when an install is complete, with the lock. */
function isInstalledByHand() {
  const record = join(MODULES, '.package-lock.json');
  if (!existsSync(record)) return false;
  const present = JSON.parse(readFileSync(record, 'utf8')).packages;
  const wanted = JSON.parse(readFileSync(LOCK_FILE, 'utf8')).packages;
  return Object.entries(wanted).every(([path, entry]) => {
    if (path === '') return true;
    if (present[path] === undefined) return entry.optional === true && !isForHere(entry);
    return present[path].version === entry.version;
  });
}

/** Whether an optional package is meant for here; those that name a C library may not be. */
function isForHere({ os, cpu, libc }) {
  if (os === undefined && cpu === undefined) return false;
  const allows = (list, own) => list === undefined || [list].flat().includes(own);
  return allows(os, process.platform) && allows(cpu, process.arch) && libc === undefined;
}

async function install() {
  const npm = process.env.npm_execpath;
  const [command, ...first] = npm?.endsWith('npm-cli.js') ? [process.execPath, npm] : ['npm'];
  const child = spawn(
    command,
    [
      ...first,
      ...['ci', '--no-audit', '--no-fund', '--ignore-scripts', '--prefer-offline'],
      // What a person has set for other projects must not leave anything out here.
      ...['--include=dev', '--include=optional', '--no-engine-strict', '--loglevel=error'],
    ],
    { cwd: ROOT, env: { ...process.env, NODE_ENV: '' }, stdio: ['ignore', 'pipe', 'pipe'] },
  );
  const said = [];
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => said.push(text));
  const handOn = handOnSignals(child);
  const failure = await new Promise((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('close', (code) => resolve(code === 0 ? undefined : 'npm ci failed, see above'));
  });
  handOn.stop();
  if (failure === undefined) return;
  process.stderr.write(said.join(''));
  throw new Refusal(`The dependencies could not be installed: ${failure}.`);
}

function handOnSignals(child) {
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'];
  const handOn = (signal) => child.kill(signal);
  for (const signal of signals) process.on(signal, handOn);
  return {
    stop: () => {
      for (const signal of signals) process.off(signal, handOn);
    },
  };
}

/** Waits for a lock in a folder; one whose owner is gone is taken over. */
async function takeLock(folder, name) {
  const file = join(folder, name);
  for (;;) {
    try {
      mkdirSync(folder, { recursive: true });
      writeFileSync(file, String(process.pid), { flag: 'wx' });
      return () => rmSync(file, { force: true });
    } catch (error) {
      if (error.code !== 'EEXIST') {
        throw new Refusal(`The folder ${folder} cannot be written: ${error.message}.`);
      }
    }
    await delay(200);
    if (isStale(file)) rmSync(file, { force: true });
  }
}

function isStale(file) {
  try {
    const owner = Number(readFileSync(file, 'utf8'));
    // Empty: its owner is about to write its number, or died before it could.
    return owner > 0 ? !isAlive(owner) : Date.now() - statSync(file).mtimeMs > 5_000;
  } catch {
    return false; // gone in the meantime
  }
}

function isAlive(processId) {
  try {
    process.kill(processId, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

/** The machine's Node when it is new enough, else the pinned one. */
function findNode() {
  const [major] = process.versions.node.split('.').map(Number);
  if (major >= OLDEST_NODE) return process.execPath;
  const pinned = join(MODULES, `node-${PLATFORM}`, 'bin', 'node');
  if (existsSync(pinned)) return pinned;
  throw new Refusal(
    `Bourse needs Node ${OLDEST_NODE} or newer (this is ${process.version}, and npm brings none ` +
      `for ${PLATFORM}): install it from https://nodejs.org and try again.`,
  );
}

/** Runs the program, hands on signals and ends as it ends. */
function run(node, args) {
  const path = `${dirname(node)}${delimiter}${process.env.PATH ?? ''}`;
  const child = spawn(node, ['--disable-warning=ExperimentalWarning', ...args], {
    stdio: 'inherit',
    // Programs begin in half the time when what was compiled before is kept.
    env: { NODE_COMPILE_CACHE: COMPILE_CACHE, ...process.env, PATH: path },
  });
  handOnSignals(child);
  child.once('error', (error) => {
    process.stderr.write(`${node} cannot be run: ${error.message}.\n`);
    process.exitCode = 1;
  });
  child.once('exit', (code, signal) => {
    process.exit(code ?? 128 + constants.signals[signal]);
  });
}
