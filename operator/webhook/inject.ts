/**
 * One admission request for a pod, judged and answered. A dry run is like any other, except that nobody is told of it.
 * Only a pod that was looked at to the end is allowed; every fault refuses.
 */
import { SERVER_LABEL } from '../../api/annotations.ts';
import type { MCPServer } from '../../api/v1alpha1/index.ts';
import { isRecord, own, ownString } from '../../manifest/record.ts';
import type { Logger } from '../../runtime/log.ts';
import { allowing, parseAdmissionReview, refusing } from './admission-review.ts';
import type { AdmissionRequest, AdmissionReview } from './admission-review.ts';
import { podPatch } from './pod-patch.ts';
import type { InjectionSettings } from './settings.ts';
import { refusalOf } from './validate.ts';
import type { RefusalReason } from './validate.ts';

export type InjectionResult = 'injected' | 'unchanged' | 'ignored' | 'refused' | 'failed';
export type InjectionReason = 'Injected' | 'AlreadyInjected' | 'NotLabelled' | RefusalReason | 'Malformed' | 'NotPodCreation' | 'InternalError';

export interface InjectionOutcome {
  readonly result: InjectionResult;
  readonly reason: InjectionReason;
  /** `undefined` if the request has no uid to answer to: then it is answered with a status outside 200-299. */
  readonly review: AdmissionReview | undefined;
}

/** A pod that was refused with this sentence. In a dry run nothing may be written anywhere because of it. */
export interface RefusedPod {
  readonly server: MCPServer | undefined;
  readonly pod: string;
  readonly message: string;
  readonly isDryRun: boolean;
}

export interface InjectorDeps {
  /** What is there now. A rejection refuses the pod: "cannot know" is not "there is none". */
  serverOf(namespace: string, name: string): Promise<MCPServer | undefined>;
  /** Read once per request, so that one pod is judged and patched by the same. */
  settings(): InjectionSettings;
  refused(refused: RefusedPod): void;
  readonly log: Logger;
}

export type Inject = (body: unknown) => Promise<InjectionOutcome>;

/** Guaranteed: it never rejects, and `allowed` is true only for a patched, an already guarded or an unlabelled pod. */
export function createInjector(deps: InjectorDeps): Inject {
  return async (body) => {
    const parsed = parseAdmissionReview(body);
    if ('problem' in parsed) {
      deps.log.warn('admission request malformed', { problem: parsed.problem });
      return { result: 'failed', reason: 'Malformed', review: undefined };
    }
    const { request } = parsed;
    try {
      return await judge(request, deps);
    } catch (cause) {
      deps.log.error('injection failed', { namespace: request.namespace, uid: request.uid, cause });
      const message = 'the sidecar could not be injected because of an internal error of the operator: try again, and see its log';
      return refusal(request, { result: 'failed', reason: 'InternalError', code: 500, message });
    }
  };
}

async function judge(request: AdmissionRequest, { serverOf, settings, refused: tellRefused, log }: InjectorDeps): Promise<InjectionOutcome> {
  const { uid, namespace, object: pod } = request;
  if (request.operation !== 'CREATE' || request.target !== '/v1/pods' || own(pod, 'kind') !== 'Pod' || !isRecord(own(pod, 'spec'))) {
    const message = 'this webhook is for the creation of pods alone: correct the rules of its configuration';
    return refusal(request, { result: 'failed', reason: 'NotPodCreation', code: 400, message });
  }
  const name = ownString(own(own(pod, 'metadata'), 'labels'), SERVER_LABEL);
  if (name === undefined) return { result: 'ignored', reason: 'NotLabelled', review: allowing(uid, []) };

  const current = settings();
  const server = name === '' ? undefined : await serverOf(namespace, name);
  const refused = refusalOf({ pod, ref: { namespace, name }, server, settings: current });
  if (refused !== undefined) {
    log.info('injection refused', { namespace, pod: podName(request), server: name, reason: refused.reason });
    tellRefused({ server, pod: podName(request), message: refused.message, isDryRun: request.isDryRun });
    return refusal(request, { result: 'refused', code: 403, ...refused });
  }
  if (server === undefined) throw new TypeError('a pod without a server was not refused');
  const patch = podPatch(pod, server, current);
  if (patch.length === 0) return { result: 'unchanged', reason: 'AlreadyInjected', review: allowing(uid, patch) };
  log.info('sidecar injected', { namespace, pod: podName(request), server: name });
  return { result: 'injected', reason: 'Injected', review: allowing(uid, patch) };
}

interface RefusalFacts {
  readonly result: 'refused' | 'failed';
  readonly reason: InjectionReason;
  readonly code: number;
  readonly message: string;
}

function refusal({ uid }: AdmissionRequest, { result, reason, code, message }: RefusalFacts): InjectionOutcome {
  return { result, reason, review: refusing(uid, { code, reason, message }) };
}

/** Pods of a controller have no name yet when they are admitted. */
function podName({ object }: AdmissionRequest): string {
  const metadata = own(object, 'metadata');
  return ownString(metadata, 'name') ?? `${ownString(metadata, 'generateName') ?? ''}*`;
}
