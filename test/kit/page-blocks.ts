/**
 * The fenced blocks of a page, and whether what a command printed is what the page shows: `…` in a `text` block stands for
 * anything in its line, and for any lines where it is alone. `sh exit=N` ends with that status, `sh not-run` is not run.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './source-tree.ts';

export interface Block {
  readonly language: string;
  readonly options: readonly string[];
  readonly text: string;
  readonly line: number;
}

/** `page`: its path from the root of the tree. */
export function blocksOf(page: string): readonly Block[] {
  const text = readFileSync(join(ROOT, page), 'utf8');
  return [...text.matchAll(/^```(\S*)(?: (.*))?\n([\s\S]*?)^```$/gm)].map(({ 1: language = '', 2: options = '', 3: body = '', index }) => ({
    language,
    options: options === '' ? [] : options.split(' '),
    text: body,
    line: text.slice(0, index).split('\n').length,
  }));
}

export const isRun = ({ language, options }: Block): boolean => language === 'sh' && !options.includes('not-run');

/** The status that the block announces. */
export const statusOf = ({ options }: Block): number => Number(options.join(' ').replace(/^(?:exit=)?/, ''));

export function isShown(output: string, shown: string): boolean {
  const lines = shown.trimEnd().split('\n').map((line) => {
    if (line === '…') return '(?:.*\\n)*?';
    return `${line.trimEnd().split(/\s*…\s*/).map(literal).join('.*')} *\\n`;
  });
  return new RegExp(`^${lines.join('')}$`).test(`${output.trim()}\n`);
}

/** Columns are as wide as their widest entry, which varies. */
function literal(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&').replace(/ {2,}/g, ' +');
}
