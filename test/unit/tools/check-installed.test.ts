import { describe, expect, test } from '@jest/globals';
import { differences } from '../../../tools/check-installed.ts';

const manifest = { dependencies: { a: '1.0.0' }, devDependencies: { b: '2.0.0' } };
const a = { version: '1.0.0', integrity: 'sha512-a' };
const b = { version: '2.0.0', integrity: 'sha512-b' };
const lock = { packages: { '': manifest, 'node_modules/a': a, 'node_modules/b': b, 'node_modules/other-platform': { version: '1.0.0' } } };
const installed = { packages: { 'node_modules/a': a, 'node_modules/b': b } };

describe('what is installed', () => {
  test('is what was locked, packages of other platforms aside', () => {
    expect(differences(manifest, lock, installed)).toEqual([]);
  });

  test.each([
    ['a version that package.json changed', { ...manifest, dependencies: { a: '1.0.1' } }, installed, 'package.json and package-lock.json differ in dependencies: a'],
    ['a dependency the lock does not know', { ...manifest, devDependencies: { b: '2.0.0', c: '1.0.0' } }, installed, 'package.json and package-lock.json differ in devDependencies: c'],
    ['another version', manifest, { packages: { ...installed.packages, 'node_modules/b': { ...b, version: '2.0.1' } } }, 'node_modules/b is not the package of package-lock.json'],
    ['other bytes', manifest, { packages: { ...installed.packages, 'node_modules/a': { ...a, integrity: 'sha512-x' } } }, 'node_modules/a is not the package of package-lock.json'],
    ['a package that is not locked', manifest, { packages: { ...installed.packages, 'node_modules/x': a } }, 'node_modules/x is not the package of package-lock.json'],
    ['a package that is not there', manifest, { packages: { 'node_modules/b': b } }, 'node_modules/a is not installed'],
  ])('is told apart: %s', (_title, declared, found, expected) => {
    expect(differences(declared, lock, found)).toEqual([expected]);
  });

  test('is nothing when nothing can be read', () => {
    expect(differences(manifest, lock, undefined)).toEqual(['node_modules/a is not installed']);
  });
});
