import { createServer } from 'node:net';
import { expect, test } from '@jest/globals';
import { listen } from '../../../runtime/listen.ts';

test('resolves with what was bound, and rejects where the port is taken; the server can be bound elsewhere then', async () => {
  const [first, second] = [createServer(), createServer()];
  const { port, address } = await listen(first, { address: '127.0.0.1', port: 0 });
  expect([address, port > 0]).toEqual(['127.0.0.1', true]);
  await expect(listen(second, { address: '127.0.0.1', port })).rejects.toMatchObject({ code: 'EADDRINUSE' });
  expect((await listen(second, { address: '127.0.0.1', port: 0 })).port).not.toBe(port);
  for (const server of [first, second]) server.close();
});
