import { constants } from 'node:os';

/**
 * Errors of the kernel boundary, by what the caller does about them:
 *
 *   Unsupported   this kernel cannot do it: choose another backend
 *   Busy          the kernel's state moved on, or it was out of buffers: re-read and retry
 *   Rejected      the kernel refuses what was sent, or does not have what was named: our picture of it is wrong
 *   Denied        the process lacks the right: stop
 *   Malformed     bytes that are no message: report, do not retry
 */
export type WireErrorCode =
  | 'KNAT_KERNEL_UNSUPPORTED'
  | 'KNAT_KERNEL_BUSY'
  | 'KNAT_KERNEL_REJECTED'
  | 'KNAT_KERNEL_DENIED'
  | 'KNAT_KERNEL_MALFORMED';

/** The kernel's answer about one message. */
export interface Complaint {
  /** `ENOENT`; `E<number>` for an unknown error. */
  readonly errno: string;
  /** NLMSGERR_ATTR_MSG, or null. */
  readonly extendedAck: string | null;
  /** NLMSGERR_ATTR_OFFS: bytes from the message's header to the faulty attribute, or null. */
  readonly offset: number | null;
}

/** A complaint with the purpose of the message: `NFT_MSG_NEWSETELEM ip knat endpoints`. */
export interface Failure extends Complaint {
  readonly subject: string;
}

abstract class WireError extends Error implements Complaint {
  abstract readonly code: WireErrorCode;
  readonly errno: string;
  readonly extendedAck: string | null;
  readonly offset: number | null;
  /** All failed messages, in the order of the kernel's answers; the error's own text is about the first. */
  readonly failures: readonly Failure[];

  constructor(failure: Failure, failures: readonly Failure[] = [failure], cause?: unknown) {
    super(describe(failure, failures.length - 1), cause === undefined ? undefined : { cause });
    this.name = new.target.name;
    this.errno = failure.errno;
    this.extendedAck = failure.extendedAck;
    this.offset = failure.offset;
    this.failures = failures;
  }
}

export class Unsupported extends WireError {
  readonly code = 'KNAT_KERNEL_UNSUPPORTED';
}

export class Busy extends WireError {
  readonly code = 'KNAT_KERNEL_BUSY';
}

export class Rejected extends WireError {
  readonly code = 'KNAT_KERNEL_REJECTED';
}

export class Denied extends WireError {
  readonly code = 'KNAT_KERNEL_DENIED';
}

export class Malformed extends WireError {
  readonly code = 'KNAT_KERNEL_MALFORMED';
}

export type KernelError = Unsupported | Busy | Rejected | Denied | Malformed;

/** The first failure decides the class. */
export function kernelError(failures: readonly [Failure, ...Failure[]], cause?: unknown): KernelError {
  const kind = kindOf[failures[0].errno] ?? Rejected;
  return new kind(failures[0], failures, cause);
}

/** @param subject what the system call was to do */
export function systemError(subject: string, errno: number, cause?: unknown): KernelError {
  return kernelError([failureOf(subject, errnoName(errno))], cause);
}

export function malformed(subject: string): Malformed {
  return new Malformed(failureOf(subject, 'EBADMSG'));
}

/** A failure without an answer of the kernel; `text` replaces its words. */
export function failureOf(subject: string, errno: string, text: string | null = null): Failure {
  return { subject, errno, extendedAck: text, offset: null };
}

/** `ENOENT` for 2, on any architecture. */
export function errnoName(errno: number): string {
  return names.get(errno) ?? `E${errno}`;
}

const kindOf: Readonly<Record<string, typeof Unsupported | typeof Busy | typeof Denied>> = {
  EPERM: Denied,
  EACCES: Denied,
  EOPNOTSUPP: Unsupported,
  ENOTSUP: Unsupported,
  EPROTONOSUPPORT: Unsupported,
  EAFNOSUPPORT: Unsupported,
  ENOSYS: Unsupported,
  ENOPROTOOPT: Unsupported,
  EAGAIN: Busy,
  EINTR: Busy,
  ERESTART: Busy,
  ENOBUFS: Busy,
  ENOMEM: Busy,
  ETIMEDOUT: Busy,
};

/** Node.js has the names of POSIX, but not ERESTART (include/uapi/asm-generic/errno.h). */
const names = new Map<number, string>([
  ...Object.entries(constants.errno).map(([name, number]) => [number, name] as const),
  [constants.errno.EAGAIN, 'EAGAIN'],
  [constants.errno.EOPNOTSUPP, 'EOPNOTSUPP'],
  [85, 'ERESTART'],
  [524, 'ENOTSUP'],
]);

function describe(failure: Failure, others: number): string {
  const text = failure.extendedAck === null ? '' : `: ${failure.extendedAck}`;
  return `${failure.subject}: ${failure.errno}${text}${others > 0 ? ` (and ${others} more)` : ''}`;
}
