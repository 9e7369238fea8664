/**
 * Loaded into a process before its main module: its clocks are off by what the JSON file TEST_CLOCK_FILE says, as it was
 * at the start and at each SIGUSR2. `wallMs` is added to the wall clock, `passedMs` to the monotonic one.
 */
import { readFileSync } from 'node:fs';

const [now, uptime] = [Date.now.bind(Date), performance.now.bind(performance)];
let off = readOffsets();

function readOffsets(): { readonly wallMs: number; readonly passedMs: number } {
  return JSON.parse(readFileSync(process.env['TEST_CLOCK_FILE'] ?? '', 'utf8')) as typeof off;
}

Date.now = () => now() + off.wallMs;
performance.now = () => uptime() + off.passedMs;
process.on('SIGUSR2', () => {
  off = readOffsets();
});
