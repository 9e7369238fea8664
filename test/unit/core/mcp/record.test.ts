import { expect, test } from '@jest/globals';
import { isRecord, ownMember } from '../../../../core/mcp/record.ts';

test.each([[{}, true], [{ a: 1 }, true], [[], false], [null, false], ['text', false], [1, false], [undefined, false]])('%j is a record: %s', (value, expected) => {
  expect(isRecord(value)).toBe(expected);
});

test.each(['constructor', 'toString', '__proto__', 'hasOwnProperty'])('G4 what every object inherits as %s is not a member', (key) => {
  expect(ownMember({}, key)).toBeUndefined();
  expect(ownMember(JSON.parse(`{"${key}":"own"}`) as Record<string, unknown>, key)).toBe('own');
});
