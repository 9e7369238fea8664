import { expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { emptiedForms, pathForms, templateForms, uriForms } from '../../../../core/policy/uri-forms.ts';

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
  ['note:///\u00e9', ['note:///\u00e9', 'note:///%C3%A9']],
  ['note:///%c3%a9', ['note:///%c3%a9', 'note:///%C3%A9']],
  ['notes/%c3%a9', ['notes/%c3%a9', 'notes/\u00e9']],
  ['note:///%2fa%ff', ['note:///%2fa%ff', 'note:////a%FF']],
  ['file:///pub//../etc', ['file:///pub//../etc', 'file:///pub/etc', 'file:///etc']],
  ['file:///pub/a?/../../etc', ['file:///pub/a?/../../etc', 'file:///etc']],
  ['file:///pub/a#/../../etc', ['file:///pub/a#/../../etc', 'file:///etc']],
  ['repo:pub/../etc', ['repo:pub/../etc', 'repo:etc']],
  ['pub\\..\\etc', ['pub\\..\\etc', 'etc']],
  ['pub/%2e%2e/etc', ['pub/%2e%2e/etc', 'pub/../etc', 'etc']],
  ['pub/%252e%252e/etc', ['pub/%252e%252e/etc', 'pub/%2e%2e/etc', 'etc']],
])('%j can be read as %j', (uri, forms) => {
  expect(uriForms(uri)).toEqual(forms);
});

test.each([
  ['file:///etc/a', []],
  ['file:///etc/a#b', ['file:///etc/a']],
  ['file:///etc/a?b', ['file:///etc/a']],
  ['file:///etc//a/', ['file:///etc/a']],
  ['file:////etc/a', ['file:///etc/a']],
  ['notes/./a', ['notes/a']],
])('a server that opens %j as a file opens %j', (uri, paths) => {
  expect(pathForms(uriForms(uri))).toEqual(paths);
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
    pathForms([text]);
  }));
});

test.each([
  [['a://b'], []],
  [['a://b/?'], ['a://b/']],
  [['a://?/b/?'], ['a:///b/', 'a:///b/?', 'a://?/b/']],
  [['a://?/?/?/?/?', 'x://?'], ['a://////', 'x://']],
])('%j with unknown parts left empty is %j', (forms, expected) => {
  expect(emptiedForms(forms, '?')).toEqual(expected);
});
