/** The command line: gives the commands the process they run in. */
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { CommandIo } from './command-io.ts';
import { CommandFailure, EXIT } from './command-io.ts';
import { runCommandLine } from './program.ts';

const interrupt = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  // A command ends what it is writing: a secret whose hash is on disk is still shown. Waiting ends at once.
  process.once(signal, () => interrupt.abort());
}
process.stdout.on('error', () => {
  process.exitCode = EXIT.failure;
});

const io: CommandIo = {
  out: (text) => void process.stdout.write(text),
  err: (text) => void process.stderr.write(text),
  async readStdin(limitBytes) {
    let text = '';
    for await (const chunk of process.stdin.setEncoding('latin1')) {
      text += String(chunk);
      if (text.length > limitBytes) throw new CommandFailure('standard input: is too long to be a token');
    }
    return text;
  },
  nowMs: () => Date.now(),
  randomBytes: (length) => randomBytes(length),
  async sleep(milliseconds) {
    await sleep(milliseconds, undefined, { signal: interrupt.signal }).catch(() => {
      throw new CommandFailure('interrupted');
    });
  },
};

process.exitCode = await runCommandLine(process.argv.slice(2), io, packageVersion());

/** `package.json` is beside the directory of the sources, and beside that of the bundle. */
function packageVersion(): string {
  const manifest: unknown = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
  const version = typeof manifest === 'object' && manifest !== null && 'version' in manifest ? manifest.version : undefined;
  return typeof version === 'string' ? version : 'unknown';
}
