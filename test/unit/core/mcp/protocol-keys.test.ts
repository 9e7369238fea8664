import { describe, expect, test } from '@jest/globals';
import { hasLookAlike, PROTOCOL_KEYS } from '../../../../core/mcp/protocol-keys.ts';
import { cpuMsOf } from '../../../kit/cpu-time.ts';

const VERSION = 'io.modelcontextprotocol/protocolVersion';

describe('G3 a key that only looks like a protocol key', () => {
  test.each([
    'Name', 'NAME', 'name\u0000', 'name\u0000x', ' name', 'name ', 'name\ufeff', 'ｎａｍｅ', 'URI', 'argumentſ', 'tas\u212aId',
    'task_id', 'TaskId', '_Meta', '_META\t', 'inputresponses', 'REQUESTSTATE',
  ])('is found among parameters: %j', (key) => {
    expect(hasLookAlike({ [key]: 1 }, PROTOCOL_KEYS.params)).toBe(true);
  });

  test.each([VERSION.toUpperCase(), `${VERSION}\u0000`, 'io.modelcontextprotocol/protocol_version', 'ProgressToken', 'progreſſToken'])('is found in _meta: %j', (key) => {
    expect(hasLookAlike({ [key]: 1 }, PROTOCOL_KEYS.meta)).toBe(true);
  });

  test.each(['Type', 'NAME', 'Uri'])('is found in a reference: %j', (key) => {
    expect(hasLookAlike({ [key]: 1 }, PROTOCOL_KEYS.reference)).toBe(true);
  });
});

// A megabyte of padding or of combining marks took minutes to fold, and the whole gateway waited.
test.each([
  ['padding', `a${' '.repeat(1_000_000)}b`],
  ['combining marks', `a${'\u0301\u0316'.repeat(500_000)}`],
])('G3 J5 a key of a million characters of %s is taken for a look-alike at once', (_what, key) => {
  const record = { [key]: 1 };
  const judging = cpuMsOf(() => expect(hasLookAlike(record, PROTOCOL_KEYS.params)).toBe(true));
  const reading = cpuMsOf(() => expect(Array.from(key, (character) => character.charCodeAt(0))).toHaveLength(key.length));
  expect(judging).toBeLessThan(reading);
});

test('G3 protocol keys themselves and all other keys are left alone', () => {
  expect(hasLookAlike({ name: 1, arguments: 1, _meta: 1, uri: 1, taskId: 1 }, PROTOCOL_KEYS.params)).toBe(false);
  expect(hasLookAlike({ names: 1, Title: 1, x: 1, '': 1, '\u0000name': 1, meta: 1 }, PROTOCOL_KEYS.params)).toBe(false);
  expect(hasLookAlike({ [VERSION]: 1, traceparent: 1, 'example.com/Version': 1 }, PROTOCOL_KEYS.meta)).toBe(false);
});
