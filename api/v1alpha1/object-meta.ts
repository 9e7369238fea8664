/** Metadata of every object, as far as the gateway reads it. */
export interface ObjectMeta {
  readonly name: string;
  readonly namespace: string;
  /** Absent in an object that was read from a file: only a server, or the standalone gateway, assigns one. */
  readonly uid?: string;
  readonly generation?: number;
  readonly resourceVersion?: string;
  readonly creationTimestamp?: string;
  readonly deletionTimestamp?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}
