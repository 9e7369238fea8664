import { describe, expect, test } from '@jest/globals';
import { cpuMs, memory, parseCpuMs, parseMemory } from '../../../bench/process-usage.ts';

describe('what the kernel says', () => {
  test('adds user and system time, whatever the command is called', () => {
    expect(parseCpuMs('42 (a ) b (c) R 1 2 3 4 5 6 7 8 9 10 150 25 0 0 20 0 11 0 100 1 1')).toBe(1750);
  });

  test('refuses another file', () => {
    expect(() => parseCpuMs('cpu 1 2 3')).toThrow(TypeError);
    expect(() => parseMemory('Name: node')).toThrow('no VmRSS');
  });

  test('reads resident and peak memory', () => {
    expect(parseMemory('Name:\tnode\nVmHWM:\t  204800 kB\nVmRSS:\t  102400 kB\n')).toEqual({ residentMiB: 100, peakMiB: 200 });
  });

  test('agrees with this process about itself', () => {
    const { user, system } = process.cpuUsage();
    expect(Math.abs(cpuMs(process.pid) - (user + system) / 1000)).toBeLessThan(500);
    expect(memory(process.pid).residentMiB).toBeGreaterThan(10);
  });
});
