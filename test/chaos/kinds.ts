import type { FaultKind } from './fault.ts';
import { freeze } from './faults/freeze.ts';
import { kill } from './faults/kill.ts';

/** Every kind of fault, each as likely as the others. The order is part of what a seed means: add at the end. */
export const kinds: readonly FaultKind[] = [kill, freeze];
