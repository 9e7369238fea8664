/**
 * Processes that do not outlive the one that started them, even if that is ended by SIGKILL: a shell holds a pipe from
 * it, and when the pipe closes it kills what still runs and removes their directory. Each process leads a group of its
 * own, so what it starts is ended with it, and Ctrl-C does not reach it before the guard acts.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { open, readFile } from 'node:fs/promises';
import type { Exit } from './processes.ts';

/** Ids that are gone are forgotten at once: the system may give them to others. */
const GUARD = `
trap '' HUP INT TERM
running=
while read -r what pid; do
  if [ "$what" = started ]; then running="$running $pid"; continue; fi
  rest=
  for each in $running; do [ "$each" = "$pid" ] || rest="$rest $each"; done
  running=$rest
done
for pid in $running; do kill -s KILL -- "-$pid"; done 2>/dev/null
rm -rf -- "$1" 2>/dev/null || { sleep 1; rm -rf -- "$1"; }
`;

/** Waits for a line before it becomes the command: by then the guard knows its id. */
const GATE = 'read -r _ && exec "$@" </dev/null';

export interface GuardedStart {
  readonly command: string;
  readonly args: readonly string[];
  /** The whole environment: nothing is inherited. */
  readonly env: NodeJS.ProcessEnv;
  readonly cwd: string;
  /** Standard output and standard error are appended. A file, not a pipe: it does not depend on a reader. */
  readonly logFile: string;
}

export interface GuardedProcess {
  readonly pid: number;
  readonly exited: Promise<Exit>;
  hasExited(): boolean;
  /** To the whole group. */
  signal(signal: NodeJS.Signals): void;
  /** TERM, and KILL after the grace; resolves when it is gone. */
  stop(graceMs: number): Promise<Exit>;
  /** The last lines that it wrote. */
  tail(): Promise<string>;
}

export interface OrphanGuard {
  readonly pid: number;
  start(start: GuardedStart): Promise<GuardedProcess>;
  /** Kills what still runs, removes the directory, and resolves when both are done. */
  release(): Promise<void>;
}

export function createOrphanGuard(directory: string): OrphanGuard {
  const shell = spawn('/bin/sh', ['-c', GUARD, 'orphan-guard', directory], { stdio: ['pipe', 'ignore', 'inherit'], detached: true });
  const over = new Promise<void>((resolve, reject) => {
    shell.once('error', reject);
    shell.once('exit', () => resolve());
  });
  // Heard by whoever releases; the shell may also have been killed, and then a write has no reader.
  over.catch(() => undefined);
  shell.stdin.on('error', () => undefined);

  return {
    pid: shell.pid ?? 0,
    start: async (start) => {
      const log = await open(start.logFile, 'a');
      const child = spawn('/bin/sh', ['-c', GATE, 'gate', start.command, ...start.args], {
        stdio: ['pipe', log.fd, log.fd],
        detached: true,
        env: start.env,
        cwd: start.cwd,
      });
      try {
        await once(child, 'spawn');
      } finally {
        await log.close();
      }
      const guarded = guardedProcess(child, start.logFile);
      shell.stdin.write(`started ${String(guarded.pid)}\n`);
      void guarded.exited.then(() => shell.stdin.writable && shell.stdin.write(`gone ${String(guarded.pid)}\n`));
      child.stdin?.on('error', () => undefined);
      child.stdin?.end('go\n');
      return guarded;
    },
    release: async () => {
      shell.stdin.end();
      await over;
    },
  };
}

function guardedProcess(child: ChildProcess, logFile: string): GuardedProcess {
  const { pid } = child;
  if (pid === undefined) throw new Error('a process was started without an id');
  let gone = false;
  const exited = new Promise<Exit>((resolve) => {
    child.once('exit', (code, signal) => {
      gone = true;
      resolve({ code, signal });
    });
  });
  const signal = (name: NodeJS.Signals): void => {
    if (!gone) process.kill(-pid, name);
  };
  return {
    pid,
    exited,
    hasExited: () => gone,
    signal,
    stop: async (graceMs) => {
      signal('SIGTERM');
      const kill = setTimeout(() => signal('SIGKILL'), graceMs);
      return exited.finally(() => clearTimeout(kill));
    },
    tail: async () => (await readFile(logFile, 'utf8')).trimEnd().split('\n').slice(-20).join('\n'),
  };
}
