/** Whether anybody listens at an address: one TCP connection that carries no byte and is closed at once. */
import { connect, isIP } from 'node:net';
import { errorCodeOf } from './error-code.ts';

/** `Unanswered`: nothing came in time, or the network said that it cannot be reached. */
export type ConnectOutcome = 'Connected' | 'Refused' | 'Unanswered';

export interface ConnectTarget {
  /** An IP address: no name is ever looked up. */
  readonly address: string;
  readonly port: number;
}

export type TryConnect = (target: ConnectTarget, signal: AbortSignal) => Promise<ConnectOutcome>;

/** Never rejects, and resolves within `deadlineMs` or as soon as the signal is aborted. */
export function createTryConnect(deadlineMs: number): TryConnect {
  return ({ address, port }, signal) => {
    if (isIP(address) === 0 || signal.aborted) return Promise.resolve('Unanswered');
    return new Promise((resolve) => {
      const socket = connect({ host: address, port });
      const end = (outcome: ConnectOutcome): void => {
        clearTimeout(deadline);
        signal.removeEventListener('abort', giveUp);
        socket.destroy();
        resolve(outcome);
      };
      const giveUp = (): void => end('Unanswered');
      const deadline = setTimeout(giveUp, deadlineMs);
      signal.addEventListener('abort', giveUp, { once: true });
      socket.on('connect', () => end('Connected'));
      socket.on('error', (error) => end(errorCodeOf(error) === 'ECONNREFUSED' ? 'Refused' : 'Unanswered'));
    });
  };
}
