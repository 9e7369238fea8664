/** The secret a client presented. It lives only in authenticate/, and nothing prints it. */
import { inspect } from 'node:util';

const REDACTED = '[redacted]';

export class Credential {
  readonly #text: string;
  readonly method: 'bearer' | 'api-key';

  constructor(method: 'bearer' | 'api-key', text: string) {
    this.method = method;
    this.#text = text;
  }

  /** The only way to the value; callers hash or compare it and keep nothing. */
  reveal(): string {
    return this.#text;
  }

  toString(): string {
    return REDACTED;
  }

  toJSON(): string {
    return REDACTED;
  }

  [inspect.custom](): string {
    return REDACTED;
  }
}
