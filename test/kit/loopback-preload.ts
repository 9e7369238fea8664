/**
 * Preloaded (`node --import`) into third-party servers that can only listen on every interface and a port they are
 * told: makes each listen on loopback (TEST_LISTEN_ADDRESS, if a pod has one of its own), on a port the system chooses or
 * TEST_LISTEN_PORT, and say which.
 */
import { Server } from 'node:net';
import { portOf } from './ports.ts';

const listen: unknown = Reflect.get(Server.prototype, 'listen');
if (typeof listen !== 'function') throw new TypeError('node:net has no listen');
const original = listen;

function listenOnlyOnLoopback(this: Server, ...args: readonly unknown[]): Server {
  const callback = args.find((argument): argument is () => void => typeof argument === 'function');
  if (callback !== undefined) this.once('listening', callback);
  this.once('listening', () => process.stderr.write(`loopback port ${String(portOf(this))}\n`));
  return Reflect.apply(original, this, [{ port: Number(process.env['TEST_LISTEN_PORT'] ?? 0), host: process.env['TEST_LISTEN_ADDRESS'] ?? '127.0.0.1' }]);
}

Server.prototype.listen = listenOnlyOnLoopback;
