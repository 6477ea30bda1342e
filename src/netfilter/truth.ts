/** Whether a condition holds for a packet: yes, no, or it depends on what this text names. */
export type Truth = boolean | string;

export function not(truth: Truth): Truth {
  return typeof truth === 'string' ? truth : !truth;
}

/** False if one of them is; else what the first undecided one depends on. */
export function every(truths: Iterable<Truth>): Truth {
  let all: Truth = true;
  for (const truth of truths) {
    if (truth === false) return false;
    if (all === true) all = truth;
  }
  return all;
}

/** True if one of them is; else what the first undecided one depends on. */
export function some(truths: Iterable<Truth>): Truth {
  let any: Truth = false;
  for (const truth of truths) {
    if (truth === true) return true;
    if (any === false) any = truth;
  }
  return any;
}
