import { expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { templateForms, uriForms } from '../../../../core/policy/uri-forms.ts';

test.each([
  ['repo://public/a', ['repo://public/a']],
  ['not a url', ['not a url']],
  ['REPO://public/a', ['REPO://public/a', 'repo://public/a']],
  ['repo://h/a/../b', ['repo://h/a/../b', 'repo://h/b']],
  ['repo://h/a/%2e%2E/b', ['repo://h/a/%2e%2E/b', 'repo://h/b']],
  ['repo://pri\tvate/a', ['repo://pri\tvate/a', 'repo://private/a']],
  [' repo://private/a', [' repo://private/a', 'repo://private/a']],
  ['repo://%70rivate/a', ['repo://%70rivate/a', 'repo://private/a']],
  ['file:///pub/..%2fetc', ['file:///pub/..%2fetc', 'file:///etc']],
  ['note:///My%20Note', ['note:///My%20Note']],
  ['a://b/%zz%', ['a://b/%zz%']],
])('%j can be read as %j', (uri, forms) => {
  expect(uriForms(uri)).toEqual(forms);
});

test.each([
  ['repo://{owner}/{+path}', ['repo://?/?']],
  ['repo://x', ['repo://x']],
  ['a://b/c/../{id}', ['a://b/c/../?', 'a://b/?']],
  ['{a', undefined],
  ['a}', undefined],
  ['{{a}}', undefined],
  ['a\ue000{b}', undefined],
])('the template %j can be read as %j', (template, forms) => {
  expect(templateForms(template, '?')).toEqual(forms);
});

test('no text makes reading throw', () => {
  fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => {
    expect(uriForms(text)[0]).toBe(text);
    templateForms(text, '?');
  }));
});
