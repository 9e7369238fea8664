import { expect, test } from '@jest/globals';
import { errorCodeOf } from '../../../runtime/error-code.ts';

test.each<[string, unknown, string | undefined]>([
  ['the code of a system error', Object.assign(new Error('no'), { code: 'ENOENT' }), 'ENOENT'],
  ['nothing for an error without a code', new Error('no'), undefined],
  ['nothing for a code that is a number', Object.assign(new Error('no'), { code: 20 }), undefined],
  ['nothing for no object', 'ENOENT', undefined],
  ['nothing for null', null, undefined],
])('gives %s', (_title, error, code) => {
  expect(errorCodeOf(error)).toBe(code);
});
