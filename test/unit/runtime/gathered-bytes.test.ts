import { describe, expect, test } from '@jest/globals';
import { createGatheredBytes } from '../../../runtime/gathered-bytes.ts';

describe('gathered bytes', () => {
  test.each<[string, readonly string[]]>([
    ['one chunk', ['abc']],
    ['several chunks', ['a', '', 'bcd', 'ef', 'g']],
    ['an empty chunk first', ['', 'ab', 'c']],
    ['nothing', []],
  ])('of %s are those chunks joined', (_name, chunks) => {
    const gathered = createGatheredBytes();
    for (const chunk of chunks) gathered.push(Buffer.from(chunk));
    expect(gathered.length()).toBe(chunks.join('').length);
    expect(gathered.take().toString()).toBe(chunks.join(''));
  });

  test('of a single chunk are that chunk, and a later one does not change it', () => {
    const gathered = createGatheredBytes();
    const first = Buffer.from('abc');
    gathered.push(first);
    gathered.push(Buffer.from('def'));
    expect(gathered.take().toString()).toBe('abcdef');
    expect(first.toString()).toBe('abc');
    gathered.push(first);
    expect(gathered.take()).toBe(first);
  });

  test('are gone once taken', () => {
    const gathered = createGatheredBytes();
    gathered.push(Buffer.from('abc'));
    const taken = gathered.take();
    gathered.push(Buffer.from('xyz'));
    expect(gathered.take().toString()).toBe('xyz');
    expect(taken.toString()).toBe('abc');
    expect(gathered.length()).toBe(0);
  });

  test('take no more memory than twice what they are, however small the chunks', () => {
    const gathered = createGatheredBytes();
    const chunk = Buffer.from('x');
    for (let i = 0; i < 100_000; i += 1) gathered.push(chunk);
    expect(gathered.take().buffer.byteLength).toBeLessThanOrEqual(200_000);
  });
});
