/** Asks the operator for a certificate: any replica will do, and each is verified as for its stream. */
import { readFile } from 'node:fs/promises';
import { request } from 'node:https';
import type { ServerName, StreamEndpoint } from '../api/bundle-stream.ts';
import { streamPath } from '../api/bundle-stream.ts';

export interface CertificateRequestSettings {
  readonly server: ServerName;
  readonly port: number;
  readonly tlsName: string;
  readonly caFile: string;
  readonly tokenFile: string;
  readonly resolve: () => Promise<readonly string[]>;
}

const TIMEOUT_MS = 10_000;
const MAX_ANSWER_BYTES = 16_384;

export type CertificateEndpoint = Extract<StreamEndpoint, 'certificates' | 'peercertificates'>;

export interface CertificateRequest {
  readonly endpoint: CertificateEndpoint;
  readonly publicKeyPem: string;
}

/** Resolves with the first certificate that a replica gives; rejects with the last failure where none does. */
export async function requestCertificate(settings: CertificateRequestSettings, wanted: CertificateRequest, signal: AbortSignal): Promise<string> {
  let failure: unknown = new Error('there is no replica to ask');
  for (const address of await settings.resolve()) {
    try {
      return await ask(address, settings, wanted, signal);
    } catch (error) {
      failure = error;
    }
  }
  throw failure;
}

async function ask(address: string, settings: CertificateRequestSettings, { endpoint, publicKeyPem }: CertificateRequest, signal: AbortSignal): Promise<string> {
  const { port, tlsName, server } = settings;
  const [ca, token] = await Promise.all([readFile(settings.caFile, 'utf8'), readFile(settings.tokenFile, 'utf8')]);
  return new Promise((resolve, reject) => {
    const outgoing = request(
      {
        host: address, port, path: streamPath(endpoint, server), method: 'POST', timeout: TIMEOUT_MS, signal,
        agent: false, ca, servername: tlsName, minVersion: 'TLSv1.2', rejectUnauthorized: true,
        headers: { Host: tlsName, Authorization: `Bearer ${token.trim()}`, 'Content-Length': Buffer.byteLength(publicKeyPem) },
      },
      (response) => {
        let text = '';
        response.setEncoding('latin1');
        response.on('data', (chunk: string) => {
          text += chunk;
          if (text.length > MAX_ANSWER_BYTES) outgoing.destroy(new Error('the answer is too long'));
        });
        response.on('error', reject);
        response.on('end', () => (response.statusCode === 200 ? resolve(text) : reject(new Error(`the replica answered ${String(response.statusCode)}`))));
      },
    );
    outgoing.on('timeout', () => outgoing.destroy(new Error('the replica is silent')));
    outgoing.on('error', reject);
    outgoing.end(publicKeyPem);
  });
}
