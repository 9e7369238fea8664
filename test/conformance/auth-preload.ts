/**
 * Preloaded (`node --import`) into the conformance suite, which cannot send a credential itself: adds the header to
 * every request to one origin. Most scenarios use fetch, those about headers use node:http; hence two hooks.
 */
import { subscribe } from 'node:diagnostics_channel';
import type { ClientRequest } from 'node:http';

interface UndiciRequest {
  readonly origin: unknown;
  addHeader(name: string, value: string): void;
}

const target = new URL(process.env['CONFORMANCE_ORIGIN'] ?? '');
const credential = process.env['CONFORMANCE_AUTHORIZATION'] ?? '';

subscribe('undici:request:create', (message) => {
  const { request } = message as { readonly request: UndiciRequest };
  if (new URL(String(request.origin)).origin === target.origin) request.addHeader('authorization', credential);
});
subscribe('http.client.request.created', (message) => {
  const { request } = message as { readonly request: ClientRequest };
  if (request.getHeader('host') === target.host && !request.hasHeader('authorization')) {
    request.setHeader('authorization', credential);
  }
});
