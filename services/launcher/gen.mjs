// Writes gen/ from proto/: TypeScript for our own services, and one descriptor set with comments
// for reflection. `--check` writes to a folder of its own and fails when gen/ is stale.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** Runs buf of node_modules, with the plugins there on its path; its output is shown. */
function buf(args) {
  const result = spawnSync(process.execPath, [join(root, 'node_modules/@bufbuild/buf/bin/buf'), ...args], {
    cwd: root,
    stdio: 'inherit',
    env: {
      ...process.env,
      PATH: `${join(root, 'node_modules/.bin')}${delimiter}${process.env.PATH}`,
    },
  });
  if (result.status !== 0) {
    console.error(`buf ${args[0]} failed`);
    process.exit(1);
  }
}

/** Writes everything below `folder`, which holds nothing else afterwards. */
function generate(folder) {
  rmSync(join(folder, 'gen'), { recursive: true, force: true });
  buf(['generate', '--output', folder]);
  buf(['build', '--as-file-descriptor-set', '--output', join(folder, 'gen/bourse.binpb')]);
}

/** Paths of all files below a folder, sorted. */
function listFiles(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .sort();
}

function check() {
  const fresh = mkdtempSync(join(tmpdir(), 'bourse-gen-'));
  try {
    generate(fresh);
    const [wanted, present] = [join(fresh, 'gen'), join(root, 'gen')];
    const names = new Set([...listFiles(wanted), ...listFiles(present)]);
    const stale = [...names].filter((name) => !equal(join(wanted, name), join(present, name)));
    for (const name of stale) console.error(`gen/${name} is stale`);
    if (stale.length > 0) {
      console.error('run `npm run gen` and commit what it writes');
      process.exitCode = 1;
    }
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
}

/** True when both files exist and hold the same bytes. */
function equal(left, right) {
  try {
    return readFileSync(left).equals(readFileSync(right));
  } catch (error) {
    if (error.code === 'ENOENT') return false;
    throw error;
  }
}

if (process.argv.includes('--check')) check();
else generate(root);
