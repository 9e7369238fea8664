import { expect, test } from '@jest/globals';
import { Denial } from '../../../core/denial.ts';

test('a denial keeps its public message apart from its private cause', () => {
  const cause = new Error('private');
  const denial = new Denial('ERR_INTERNAL', 'public', { cause, rule: 'rule' });
  expect(denial).toBeInstanceOf(Error);
  expect(denial).toMatchObject({ name: 'Denial', code: 'ERR_INTERNAL', message: 'public', cause, detail: { rule: 'rule' } });
});

test('a denial without a cause has none', () => {
  expect(Object.hasOwn(new Denial('ERR_INTERNAL', 'public'), 'cause')).toBe(false);
});
