import { expect, test } from '@jest/globals';
import { ConfigError } from '../../../core/config-error.ts';

test('a ConfigError lists every problem, apart and in its message', () => {
  const error = new ConfigError(['a: is required', 'b: unknown field']);
  expect(error).toBeInstanceOf(Error);
  expect(error.name).toBe('ConfigError');
  expect(error.problems).toEqual(['a: is required', 'b: unknown field']);
  expect(error.message).toBe('a: is required\nb: unknown field');
});
