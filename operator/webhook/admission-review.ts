/** AdmissionReview of admission.k8s.io/v1: what comes in, as far as injection reads it, and what goes out. */
import { isRecord, own, ownString } from '../../manifest/record.ts';
import type { UnknownRecord } from '../../manifest/record.ts';
import type { PatchOperation } from './patch-operation.ts';

export interface AdmissionRequest {
  readonly uid: string;
  readonly namespace: string;
  /** For example `CREATE`. */
  readonly operation: string;
  /** `<group>/<version>/<resource>`, and `/<subresource>` where there is one; the group of pods is empty. */
  readonly target: string;
  readonly object: UnknownRecord;
  /** Nothing may be written anywhere because of it. */
  readonly isDryRun: boolean;
}

export interface AdmissionResponse {
  readonly uid: string;
  readonly allowed: boolean;
  readonly status?: { readonly code: number; readonly reason: string; readonly message: string };
  readonly patchType?: 'JSONPatch';
  /** Base64. */
  readonly patch?: string;
}

export interface AdmissionReview {
  readonly apiVersion: 'admission.k8s.io/v1';
  readonly kind: 'AdmissionReview';
  readonly response: AdmissionResponse;
}

export type ParsedReview = { readonly request: AdmissionRequest } | { readonly problem: string };

/** A UUID has 36 characters; the bound only keeps an answer from growing with the question. */
const UID = /^[A-Za-z0-9-]{1,128}$/;
const NAMESPACE = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;

/** Guaranteed: a request has every field that is listed above, of its type. A problem never quotes the body. */
export function parseAdmissionReview(body: unknown): ParsedReview {
  if (own(body, 'apiVersion') !== 'admission.k8s.io/v1' || own(body, 'kind') !== 'AdmissionReview') {
    return { problem: 'the body is no AdmissionReview of admission.k8s.io/v1' };
  }
  const request = own(body, 'request');
  const uid = ownString(request, 'uid') ?? '';
  const namespace = ownString(request, 'namespace') ?? '';
  const operation = ownString(request, 'operation');
  const target = targetOf(request);
  const object = own(request, 'object');
  if (!UID.test(uid)) return { problem: 'request.uid is missing or malformed' };
  if (!NAMESPACE.test(namespace)) return { problem: 'request.namespace is missing or malformed' };
  if (operation === undefined || target === undefined) return { problem: 'request.operation or request.resource is missing' };
  if (!isRecord(object)) return { problem: 'request.object is missing' };
  return { request: { uid, namespace, operation, target, object, isDryRun: own(request, 'dryRun') === true } };
}

function targetOf(request: unknown): string | undefined {
  const resource = own(request, 'resource');
  const parts = ['group', 'version', 'resource'].map((part) => ownString(resource, part));
  if (parts.some((part) => part === undefined)) return undefined;
  const subResource = own(request, 'subResource');
  if (subResource === undefined || subResource === '') return parts.join('/');
  return typeof subResource === 'string' ? [...parts, subResource].join('/') : undefined;
}

export function allowing(uid: string, patch: readonly PatchOperation[]): AdmissionReview {
  if (patch.length === 0) return review({ uid, allowed: true });
  return review({ uid, allowed: true, patchType: 'JSONPatch', patch: Buffer.from(JSON.stringify(patch)).toString('base64') });
}

export function refusing(uid: string, status: { readonly code: number; readonly reason: string; readonly message: string }): AdmissionReview {
  return review({ uid, allowed: false, status });
}

const review = (response: AdmissionResponse): AdmissionReview => ({ apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', response });
