/** How answers look: a table for people, JSON for programs. */
import { Option } from 'commander';
import type { CommandIo } from './command-io.ts';

export type OutputFormat = 'table' | 'json';

/** Controls would let a name in a file move the cursor or recolour the terminal. */
const CONTROLS = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

export function outputOption(): Option {
  return new Option('-o, --output <format>', 'form of the answer').choices(['table', 'json']).default('table');
}

export function printJson(io: CommandIo, value: unknown): void {
  io.out(`${JSON.stringify(value, undefined, 2)}\n`);
}

/** Columns as wide as their widest cell; an empty cell shows as `-`. */
export function printTable(io: CommandIo, header: readonly string[], rows: readonly (readonly string[])[]): void {
  const lines = [header, ...rows.map((row) => row.map((cell) => printable(cell === '' ? '-' : cell)))];
  const widths = header.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)));
  for (const line of lines) {
    io.out(`${line.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('   ').trimEnd()}\n`);
  }
}

/** Lines of `name: value`; entries without a value are left out. */
export function printFields(io: CommandIo, fields: readonly (readonly [string, string | undefined])[]): void {
  const shown = fields.flatMap(([name, value]) => (value === undefined || value === '' ? [] : [[name, printable(value)] as const]));
  const width = Math.max(0, ...shown.map(([name]) => name.length));
  for (const [name, value] of shown) io.out(`${`${name}:`.padEnd(width + 2)}${value}\n`);
}

export function printable(text: string): string {
  return text.replace(CONTROLS, (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`);
}
