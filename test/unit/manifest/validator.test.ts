import { expect, test } from '@jest/globals';
import { JUDGED } from '../../../manifest/judged-schemas.ts';
import { compileValidator } from '../../../manifest/validator.ts';

test.each(JUDGED)('the validator of a %s refuses what is none', (name) => {
  const validate = compileValidator(name);
  expect(validate({ kind: 'Other', surprise: 1 })).toBe(false);
  expect(validate.errors?.some(({ params }) => params['additionalProperty'] === 'surprise')).toBe(true);
});

test('the validator of a ConfigMap fills in what may be left out', () => {
  const value = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a' } };
  expect(compileValidator('ConfigMap')(value)).toBe(true);
  expect(value).toMatchObject({ metadata: { namespace: 'default' }, data: {} });
});
