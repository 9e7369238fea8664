/** What every TLS server of the product has in common. Given anew with each certificate: a new context begins with Node's defaults. */
import { constants } from 'node:crypto';

export const SERVER_TLS = {
  minVersion: 'TLSv1.2',
  ALPNProtocols: ['http/1.1'],
  handshakeTimeout: 10_000,
  secureOptions: constants.SSL_OP_NO_RENEGOTIATION | constants.SSL_OP_NO_COMPRESSION,
} as const;
