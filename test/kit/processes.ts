/** Child processes of tests: started, awaited by what they print, stopped by their own pid. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';

const READY_DEADLINE_MS = 20_000;
const STOP_DEADLINE_MS = 10_000;

export interface ProcessOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface StartedProcess {
  readonly pid: number;
  /** Standard output and standard error so far, by line. */
  readonly lines: readonly string[];
  readonly exited: Promise<Exit>;
  /** The first line, past or future, that matches; rejects when the process ends or the deadline passes before. */
  untilLine(pattern: RegExp): Promise<RegExpExecArray>;
  /** Asks it to end, kills it after a deadline, resolves when it is gone. */
  stop(signal?: NodeJS.Signals): Promise<Exit>;
}

export function startProcess(command: string, args: readonly string[], options: ProcessOptions = {}): StartedProcess {
  const child = spawn(command, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...options.env },
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
  });
  const lines: string[] = [];
  const watchers = new Set<() => void>();
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on('line', (line) => {
      lines.push(line);
      for (const watcher of watchers) watcher();
    });
  }
  const exited = exitOf(child);
  // A test run that is ended early leaves nothing behind.
  const kill = (): void => void child.kill('SIGKILL');
  process.once('exit', kill);
  void exited.finally(() => process.off('exit', kill)).catch(() => undefined);

  return {
    pid: child.pid ?? 0,
    lines,
    exited,
    untilLine: (pattern) => untilLine(pattern, { lines, watchers, exited, command }),
    stop: async (signal = 'SIGTERM') => {
      const deadline = setTimeout(kill, STOP_DEADLINE_MS);
      child.kill(signal);
      return exited.finally(() => clearTimeout(deadline));
    },
  };
}

export interface Finished {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs it to its end, within the deadline. */
export async function runProcess(
  command: string,
  args: readonly string[],
  options: ProcessOptions & { readonly deadlineMs?: number } = {},
): Promise<Finished> {
  const child = spawn(command, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...options.env },
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
  });
  const kill = setTimeout(() => child.kill('SIGKILL'), options.deadlineMs ?? READY_DEADLINE_MS);
  const [stdout, stderr, exit] = await Promise.all([textOf(child.stdout), textOf(child.stderr), exitOf(child)]);
  clearTimeout(kill);
  return { code: exit.code, stdout, stderr };
}

interface Watched {
  readonly lines: readonly string[];
  readonly watchers: Set<() => void>;
  readonly exited: Promise<Exit>;
  readonly command: string;
}

function untilLine(pattern: RegExp, watched: Watched): Promise<RegExpExecArray> {
  const { lines, watchers, exited, command } = watched;
  return new Promise((resolve, reject) => {
    let next = 0;
    const settle = (then: () => void): void => {
      clearTimeout(deadline);
      watchers.delete(look);
      then();
    };
    const fail = (why: string): void =>
      settle(() => reject(new Error(`${command} ${why} before ${String(pattern)}:\n${lines.join('\n')}`)));
    const look = (): void => {
      while (next < lines.length) {
        const match = pattern.exec(lines[next++] ?? '');
        if (match !== null) return settle(() => resolve(match));
      }
    };
    const deadline = setTimeout(() => fail('was too slow'), READY_DEADLINE_MS);
    watchers.add(look);
    look();
    exited.then(
      () => fail('ended'),
      () => fail('could not start'),
    );
  });
}

function exitOf(child: ChildProcess): Promise<Exit> {
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    // `close` comes after the last line of output, `exit` does not.
    child.once('close', (code, signal) => resolve({ code, signal }));
  });
}

async function textOf(stream: Readable): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks).toString('utf8');
}
