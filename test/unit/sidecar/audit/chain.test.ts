import { createHash } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { CHAIN_START, createChain } from '../../../../sidecar/audit/chain.ts';
import { aClock } from './kit.ts';

const gateway = { instance: 'pod-1', version: '0.1.0' };

describe('the chain', () => {
  test('numbers its lines and gives each the hash of the line before it', () => {
    const chain = createChain(aClock(), gateway);
    const lines = [chain.append('"event":"a"'), chain.append('"event":"b"')];
    expect(lines.every((line) => line.endsWith('}\n'))).toBe(true);
    const [first, second] = lines.map((line) => JSON.parse(line));
    expect(first).toEqual({ v: 1, seq: 1, prev: CHAIN_START, ts: '2026-11-23T12:00:00.000Z', gateway, event: 'a' });
    const digest = createHash('sha256').update(lines[0]?.slice(0, -1) ?? '').digest('hex');
    expect(second).toMatchObject({ seq: 2, prev: digest.slice(0, 32) });
  });

  test('the time of a line is the moment it was made', () => {
    const clock = aClock();
    const chain = createChain(clock, gateway);
    const times = [0, 0, 1, 999, 60_000].map((ms) => {
      clock.advance(ms);
      return JSON.parse(chain.append('"event":"a"')).ts;
    });
    expect(times.map((time) => time.slice(14))).toEqual(['00:00.000Z', '00:00.000Z', '00:00.001Z', '00:01.000Z', '01:01.000Z']);
  });

  test('the name of the process cannot add a member or a line', () => {
    const line = createChain(aClock(), { instance: 'a","x":"\n\u2028', version: '1' }).append('"event":"a"');
    expect(line).toMatch(/^[\x20-\x7e]+\n$/);
    expect(JSON.parse(line)).toMatchObject({ gateway: { instance: 'a","x":"\n\u2028', version: '1' } });
  });
});
