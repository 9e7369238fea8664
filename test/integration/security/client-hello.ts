/** A ClientHello as bytes, so that a test can say what no TLS library would: any version, suite, name and fragment. */
import { randomBytes } from 'node:crypto';

export interface HelloSettings {
  /** 0x0301 is TLS 1.0, 0x0303 is 1.2. */
  readonly version?: number;
  readonly suites?: readonly number[];
  readonly compressions?: readonly number[];
  /** The bytes of the host name in the SNI extension; absent: no extension. */
  readonly serverName?: Buffer;
  readonly protocols?: readonly string[];
  /** Put each so many bytes of the handshake into a record of its own. */
  readonly recordBytes?: number;
}

/** ECDHE-ECDSA with AES-128-GCM: what an ECDSA certificate is served with. */
const SUITES = [0xc02b];
const HANDSHAKE = 22;
const CLIENT_HELLO = 1;

export function clientHello(settings: HelloSettings = {}): Buffer {
  const { version = 0x0303, suites = SUITES, compressions = [0], recordBytes = 16_384 } = settings;
  const body = Buffer.concat([
    uint16(version),
    randomBytes(32),
    Buffer.from([0]),
    sized16(Buffer.concat(suites.map(uint16))),
    Buffer.concat([Buffer.from([compressions.length]), Buffer.from(compressions)]),
    sized16(extensions(settings)),
  ]);
  const handshake = Buffer.concat([Buffer.from([CLIENT_HELLO, 0]), sized16(body)]);
  const records: Buffer[] = [];
  for (let from = 0; from < handshake.length; from += recordBytes) {
    records.push(Buffer.from([HANDSHAKE, 3, 1]), sized16(handshake.subarray(from, from + recordBytes)));
  }
  return Buffer.concat(records);
}

function extensions({ serverName, protocols }: HelloSettings): Buffer {
  const all = [
    extension(10, sized16(uint16(23))),
    extension(11, Buffer.from([1, 0])),
    extension(13, sized16(Buffer.concat([0x0403, 0x0804, 0x0401, 0x0203, 0x0201].map(uint16)))),
  ];
  if (serverName !== undefined) all.push(extension(0, sized16(Buffer.concat([Buffer.from([0]), sized16(serverName)]))));
  if (protocols !== undefined) {
    all.push(extension(16, sized16(Buffer.concat(protocols.map((name) => Buffer.from([name.length, ...Buffer.from(name)]))))));
  }
  return Buffer.concat(all);
}

function extension(type: number, content: Buffer): Buffer {
  return Buffer.concat([uint16(type), sized16(content)]);
}

function sized16(content: Buffer): Buffer {
  return Buffer.concat([uint16(content.length), content]);
}

function uint16(value: number): Buffer {
  return Buffer.from([value >> 8, value & 0xff]);
}
