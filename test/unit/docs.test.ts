/** What the pages say about the tree is true: numbers, links, commands. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { CONDITION_REASONS, GATEWAY_TOKEN_CONDITION_TYPES, MCP_SERVER_CONDITION_TYPES } from '../../api/conditions.ts';
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

describe('the guide for clusters', () => {
  /** The first two columns: the conditions of a kind, and the reasons for which one does not hold. */
  const rows = [...read('docs/guides/cluster.md').matchAll(/^\| condition \|[^]*?\n\n/gm)].flatMap(([table]) => table.split('\n').slice(2));
  const named = new Set(rows.flatMap((row) => [...row.split('|').slice(1, 3).join().matchAll(/`(\w+)`/g)].map(([, name]) => name ?? '')));
  const sources = ['operator/controllers', 'core'].flatMap((directory) => readdirSync(join(ROOT, directory), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts')).map((name) => read(`${directory}/${name}`))).join('\n');
  /** Of conditions that are as they should be. */
  const CONTENT = ['Accepted', 'AllReady', 'Acknowledged', 'Minted', 'ExpiresSoon'];

  test('names only conditions and reasons that there are', () => {
    const known: readonly string[] = [...CONDITION_REASONS, ...MCP_SERVER_CONDITION_TYPES, ...GATEWAY_TOKEN_CONDITION_TYPES];
    expect([...named].filter((name) => !known.includes(name))).toEqual([]);
  });

  test('says what to do for every reason that the operator gives', () => {
    const given = CONDITION_REASONS.filter((reason) => sources.includes(`'${reason}'`) && !CONTENT.includes(reason));
    expect(given.length).toBeGreaterThan(20);
    expect(given.filter((reason) => !named.has(reason))).toEqual([]);
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
