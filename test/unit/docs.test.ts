/** What the pages say about the tree is true: numbers, links, commands. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { ROOT } from '../kit/source-tree.ts';

const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');
const pages = [
  ...readdirSync(ROOT).filter((name) => name.endsWith('.md')),
  ...readdirSync(join(ROOT, 'docs'), { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.md')).map((name) => `docs/${name}`),
];
const makefile = read('Makefile');
const CODE = /```[^]*?```|`[^`\n]*`/g;
/** Not the output that other fences show. */
const COMMANDS = /```sh\n[^]*?```|(?<!`)`[^`\n]+`(?!`)/g;

describe('decision records', () => {
  const records = readdirSync(join(ROOT, 'docs/adr')).sort();

  test('are numbered without gaps', () => {
    expect(records.map((name) => Number(name.slice(0, 4)))).toEqual(records.map((_name, index) => index + 1));
  });

  test.each(records)('%s has its number in the title, a name in kebab case and the four sections', (name) => {
    const text = read(`docs/adr/${name}`);
    expect(name).toMatch(/^\d{4}-[a-z0-9]+(-[a-z0-9]+)*\.md$/);
    expect(text.split('\n', 1)[0]).toMatch(new RegExp(`^# ${String(Number(name.slice(0, 4)))}\\. \\S`));
    expect(text.match(/^## .*$/gm)).toEqual(['## Context', '## Options', '## Decision', '## Consequences']);
  });
});

describe('pages', () => {
  test.each(pages)('%s links only to what exists', (page) => {
    const links = [...read(page).replace(CODE, '').matchAll(/\]\((?!https?:|mailto:|#)([^)#\s]+)(#[^)\s]*)?\)/g)].map(([, target]) => target ?? '');
    expect(links.filter((target) => !existsSync(join(ROOT, dirname(page), target)))).toEqual([]);
  });

  test.each(pages)('%s names only targets that make has', (page) => {
    const named = [...(read(page).match(COMMANDS) ?? []).join('\n').matchAll(/(?:^|`)make ([a-z][a-z-]*)/gm)].map(([, target]) => target ?? '');
    expect(named.filter((target) => !new RegExp(`^${target}:`, 'm').test(makefile))).toEqual([]);
  });

  test('the changelog has a section for what is not released yet', () => {
    expect(read('CHANGELOG.md')).toMatch(/^## Unreleased$/m);
  });
});

describe('the Makefile', () => {
  test('explains every target in its help', () => {
    const targets = [...makefile.matchAll(/^\.PHONY: (.+)$/gm)].flatMap(([, names]) => names?.split(' ') ?? []);
    expect(targets.length).toBeGreaterThan(10);
    expect(targets.filter((target) => !new RegExp(`^${target}:.* ## [a-z]+: \\S`, 'm').test(makefile))).toEqual([]);
  });

  test('runs only files that exist', () => {
    const files = [...makefile.matchAll(/\bnode ((?:tools|test)\/\S+\.ts)/g)].map(([, file]) => file ?? '');
    expect(files.filter((file) => !existsSync(join(ROOT, file)))).toEqual([]);
  });

  test('is all that continuous integration calls', () => {
    expect(read('.ci/run').split('\n').filter((line) => line !== '' && !line.startsWith('#'))).toEqual([
      'set -euo pipefail', 'cd "$(dirname "${BASH_SOURCE[0]}")/.."', 'exec make test',
    ]);
  });
});
