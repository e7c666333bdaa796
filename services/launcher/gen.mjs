// Writes gen/ from proto/: TypeScript for our own services, and one descriptor set with comments
// for reflection. `--check` writes nothing and fails when gen/ is stale; `--client go --output DIR`
// writes a client in another language instead, with the plugins of buf.gen.clients.yaml.
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { parse } from 'yaml';

const root = fileURLToPath(new URL('../../', import.meta.url));

const HELP = `usage: npm run gen -- [options]

Writes gen/ from proto/.

  --check           write nothing; exit code 1 when gen/ is stale
  --client LANGUAGE write a client instead: go, python, java, rust or csharp (buf.gen.clients.yaml
                    says which plugins that needs)
  --output DIR      where the client goes, in a folder of the language's name
  --help            print this, and stop`;

/** Runs buf of node_modules, with the plugins there on its path; its output is shown. */
function buf(args) {
  const result = spawnSync(
    process.execPath,
    [join(root, 'node_modules/@bufbuild/buf/bin/buf'), ...args],
    {
      cwd: root,
      stdio: 'inherit',
      env: {
        ...process.env,
        PATH: `${join(root, 'node_modules/.bin')}${delimiter}${process.env.PATH}`,
      },
    },
  );
  if (result.status !== 0) {
    console.error(`buf ${args[0]} failed`);
    process.exit(1);
  }
}

/**
 * Generates into a folder of its own and hands over both folders and the names that differ, so that
 * gen/ is never half there for whoever reads it meanwhile.
 */
function withFresh(use) {
  const folder = mkdtempSync(join(tmpdir(), 'bourse-gen-'));
  try {
    buf(['generate', '--output', folder]);
    buf(['build', '--as-file-descriptor-set', '--output', join(folder, 'gen/bourse.binpb')]);
    const [fresh, present] = [join(folder, 'gen'), join(root, 'gen')];
    const names = new Set([...listFiles(fresh), ...listFiles(present)]);
    use(
      [...names]
        .filter((name) => !equal(join(fresh, name), join(present, name)))
        .map((name) => ({ name, from: join(fresh, name), to: join(present, name) })),
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Paths of all files below a folder, sorted. */
function listFiles(folder) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .sort();
}

/** Fails when gen/ is not what proto/ gives. */
function check(stale) {
  for (const { name } of stale) console.error(`gen/${name} is stale`);
  if (stale.length > 0) {
    console.error('run `npm run gen` and commit what it writes');
    process.exitCode = 1;
  }
}

/** Brings gen/ up to date; what is as it was keeps its time. */
function write(stale) {
  for (const { name, from, to } of stale) {
    if (existsSync(from)) cpSync(from, to);
    else rmSync(to);
    console.log(`gen/${name}`);
  }
}

/** True when both files exist and hold the same bytes. */
function equal(left, right) {
  return existsSync(left) && existsSync(right) && readFileSync(left).equals(readFileSync(right));
}

/** Runs only those plugins of buf.gen.clients.yaml that write to the folder of the language. */
function writeClient(language, folder) {
  const template = parse(readFileSync(join(root, 'buf.gen.clients.yaml'), 'utf8'));
  const languages = [...new Set(template.plugins.map((plugin) => plugin.out))];
  if (!languages.includes(language) || folder === undefined) {
    console.error(`usage: npm run gen -- --client ${languages.join('|')} --output DIR`);
    process.exit(2);
  }
  const plugins = template.plugins.filter((plugin) => plugin.out === language);
  const output = resolve(folder);
  buf(['generate', '--template', JSON.stringify({ ...template, plugins }), '--output', output]);
  console.log(join(output, language));
}

function readOptions() {
  try {
    return parseArgs({
      options: {
        check: { type: 'boolean', default: false },
        client: { type: 'string' },
        output: { type: 'string' },
        help: { type: 'boolean', default: false },
      },
    }).values;
  } catch (error) {
    console.error(`${error.message}\n\n${HELP}`);
    process.exit(2);
  }
}

const options = readOptions();
if (options.help) console.log(HELP);
else if (options.client !== undefined) writeClient(options.client, options.output);
else withFresh(options.check ? check : write);
