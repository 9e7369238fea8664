/**
 * The process log: JSON lines on stderr. Messages are constant strings, facts are fields. Each entry is one line of
 * printable ASCII whatever its fields hold, so a stranger's text cannot forge a second entry.
 */
import type { Writable } from 'node:stream';
import winston from 'winston';
import { escapeNonAscii } from './ascii-json.ts';

export const LOG_LEVELS = ['error', 'warn', 'info', 'debug'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];
export type LogFields = Readonly<Record<string, unknown>>;

export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** A logger that adds these fields to every entry. */
  child(fields: LogFields): Logger;
}

/** The symbol under which winston's formats keep the finished line. */
const LINE = Symbol.for('message');

export function createLogger(options: { readonly level: LogLevel; readonly stream?: Writable }): Logger {
  const transport = new winston.transports.Stream({ stream: options.stream ?? process.stderr, eol: '\n' });
  const root = winston.createLogger({
    level: options.level,
    // Bounded depth: the chain of `cause` of an error may be circular, and is unfolded here.
    format: winston.format.combine(winston.format.json({ deterministic: false, maximumDepth: 8, replacer: unfold }), asciiLine()),
    transports: [transport],
  });
  return loggerOver(root, {});
}

function loggerOver(root: winston.Logger, bound: LogFields): Logger {
  // Our own members come last in value (no field can replace them) and first in the line.
  const write = (level: LogLevel, message: string, fields: LogFields = {}): void => {
    const head = { ts: new Date().toISOString(), level, message };
    root.log({ ...head, ...bound, ...fields, ...head });
  };
  return {
    debug: (message, fields) => write('debug', message, fields),
    info: (message, fields) => write('info', message, fields),
    warn: (message, fields) => write('warn', message, fields),
    error: (message, fields) => write('error', message, fields),
    child: (fields) => loggerOver(root, { ...bound, ...fields }),
  };
}

const asciiLine = winston.format((entry) => {
  const line = entry[LINE];
  if (typeof line === 'string') entry[LINE] = escapeNonAscii(line);
  return entry;
});

/** Errors have no enumerable members, so JSON would show them as `{}`. */
function unfold(_key: string, value: unknown): unknown {
  if (typeof value === 'bigint') return value.toString();
  if (!(value instanceof Error)) return value;
  const { name, message, stack, cause } = value;
  const code = 'code' in value ? { code: value.code } : {};
  return { name, message, ...code, stack, ...(cause === undefined ? {} : { cause }) };
}
